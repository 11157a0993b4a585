#pragma once

#include <cstdint>

#include "models/architecture/model_card.hpp"
#include "models/data_type.hpp"
#include "sim/units.hpp"

namespace moesim {

// FLOPs of one token through the whole model; a multiply-add is 2.
struct ModelFlops {
  double weights = 0;  // 2 for each active parameter but the input embedding, which is a look-up.
  double mixing = 0;   // Attention scores and sums, indexers, recurrent states.
  double total() const { return weights + mixing; }
};

// Mean over the tokens of sequences of `context` tokens. In an encoder-decoder model one "token" is a source token and
// a target token together, both stacks `context` long.
ModelFlops forward_flops_per_token(const ModelCard& card, std::int64_t context);
// Forward and backward, nothing recomputed: 3 times forward.
ModelFlops training_flops_per_token(const ModelCard& card, std::int64_t context);

// The cache of past tokens over all layers, in bytes; fractions of a byte where entries or data types are fractional.
struct KvCacheSize {
  double bytes_per_token = 0;           // Of layers that keep the whole sequence.
  double window_bytes_per_token = 0;    // Of layers that keep a window: only for the tokens inside it.
  double state_bytes_per_sequence = 0;  // Of recurrent layers.
};
KvCacheSize kv_cache_size(const ModelCard& card, DataType type);

// All parameters of the main network in one type, without scales; rounded up to whole bytes.
Bytes weight_bytes(const ModelCard& card, DataType type);

}  // namespace moesim
