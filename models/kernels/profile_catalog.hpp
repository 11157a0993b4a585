#pragma once

#include <span>

#include "sim/card.hpp"

namespace moesim {

// The profiles of models/kernels/profiles, compiled in, in the order of their files. scenarios/kernel_profile_json.hpp
// reads them.
std::span<const Card> profile_cards();

}  // namespace moesim
