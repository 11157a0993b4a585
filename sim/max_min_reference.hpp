#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

// What max-min fairness has to know of a flow: who it shares with, and how fast it can be at most.
struct SharingFlow {
  std::vector<LinkId> links;  // Each at most once; may be empty if there is a rate cap.
  std::optional<Bandwidth> rate_cap;
  std::int32_t multiplicity = 1;  // This many identical flows, each with the rate that is asked for.
  std::int32_t weight = 1;        // Rates are fair when divided by it.
};

// The max-min fair rates of one copy of each flow, in bytes/s [flows]: textbook progressive filling. All rates grow
// together, each in proportion to its weight; where a link is full, or a flow at its cap, the flows concerned stop.
// Every step looks at every link and every flow, in long double: obviously right and slow. The tests hold the fast
// solver (sim/max_min.hpp) against it. Source: Bertsekas and Gallager, "Data Networks", 2nd ed., section 6.5.2.
std::vector<long double> max_min_reference(std::span<const Bandwidth> capacities, std::span<const SharingFlow> flows);

}  // namespace moesim
