#pragma once

#include <cstdint>

#include "models/architecture/model_card.hpp"

namespace moesim {

// Parameters of one piece of a model, by what splits them: tensor parallelism the dense ones, expert parallelism the
// routed experts.
struct PieceParameters {
  std::int64_t dense = 0;
  std::int64_t experts = 0;
};
PieceParameters layer_parameters(const ModelCard& card, const Layer& layer);

// Elements of keys and values of one token that a context-parallel rank sends to the others, of the heads that a
// tensor-parallel one has. 0 for mixers that look at no other token's.
std::int64_t key_value_columns(const TokenMixer& mixer, int tp);

}  // namespace moesim
