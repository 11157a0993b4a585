#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/router_spec.hpp"

namespace moesim::test {

// What the rule of a deterministic policy says of one token, by trying every set of experts: combine weights [experts].
// Obviously right and slow; for a dozen experts. Ties are not considered.
std::vector<double> reference_weights(const RouterSpec& spec, std::span<const float> logits);

}  // namespace moesim::test
