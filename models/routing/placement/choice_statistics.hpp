#pragma once

#include <optional>
#include <vector>

#include "models/routing/placement/coactivation.hpp"

namespace moesim {

// What a placement is made from: how the tokens of some steps chose.
struct ChoiceStatistics {
  std::vector<double> loads;  // [experts] copies that each expert was to compute
  std::optional<Coactivation> coactivation = {};
};

}  // namespace moesim
