#pragma once

#include <optional>
#include <span>
#include <string>

#include "sim/max_min_reference.hpp"

namespace moesim {

// Why `bytes_per_s` [flows] (of one copy of each flow) are not the max-min fair rates; nothing if they are. Rates are
// max-min fair exactly when no link carries more than its capacity, no flow is above its cap, and each flow is at its
// cap or crosses a saturated link on which no flow is faster, each rate divided by its flow's weight (Bertsekas and
// Gallager, "Data Networks", section 6.5.2). So an answer can be checked without a second answer to compare it with.
// `tolerance` is relative.
std::optional<std::string> max_min_violation(std::span<const Bandwidth> capacities, std::span<const SharingFlow> flows,
                                             std::span<const double> bytes_per_s, double tolerance = 1e-9);

}  // namespace moesim
