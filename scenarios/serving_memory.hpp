#pragma once

#include "scenarios/layer_price.hpp"
#include "scenarios/result.hpp"

namespace moesim {

// What the most loaded rank of a serving deployment holds besides its activations.
struct ServedTokens {
  double sequences = 0;          // Of the rank.
  double length = 0;             // Tokens of each in the cache.
  std::int64_t pass_tokens = 0;  // Of all micro-batches that are under way.
  std::int64_t head_rows = 0;
};

// `layer`: of one micro-batch, null for a dense model.
MemoryResult serving_memory(const Scenario& scenario, const ServedTokens& tokens, const LayerPrice* layer,
                            int micro_batches);

// One rank's cache of one sequence with `length` tokens. Layers with a window keep that much; latents are whole on
// every tensor-parallel rank, heads are shared out.
double kv_bytes_of_sequence(const Scenario& scenario, double length);

}  // namespace moesim
