#pragma once

#include <cstdint>
#include <optional>

#include "models/routing/placement.hpp"

namespace moesim {

// A placement of a scenario, and whose loads it is made for.
struct PlacementChoice {
  PlacementSpec spec;
  int load_steps = 1;  // The choices of so many steps before this one; 0: of this step itself, which nobody can know.
  // The seed of the popularities and tokens that it is made for; the scenario's where it is empty. Another seed's
  // popular experts are others: a placement gone stale.
  std::optional<std::uint64_t> load_seed = {};
};

}  // namespace moesim
