#pragma once

#include <span>

#include "sim/card.hpp"

namespace moesim {

// The cards of catalog/, compiled in, in the order of their names. scenarios/gpu_card_json.hpp and
// scenarios/cluster_card_json.hpp read them.
std::span<const Card> gpu_cards();
std::span<const Card> cluster_cards();

}  // namespace moesim
