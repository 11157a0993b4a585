#pragma once

#include <cstdint>
#include <string_view>

#include "models/architecture/model_card.hpp"

namespace moesim {

// What one token mixer (attention, or what stands in its place) of a layer costs. Formulas and sources:
// docs/models/architecture.md.

std::string_view kind_name(const TokenMixer& mixer);  // As in cards: "gqa", "mla", "mamba2" ...

// Weights, norms of queries, keys and latents included; the layer's own norms are not.
std::int64_t mixer_params(const TokenMixer& mixer, std::int64_t hidden);

// Forward FLOPs of one token beyond the products with weights, averaged over the positions of a sequence of
// `context` tokens: scores and weighted sums (causal in a decoder: context / 2 keys on average), indexer scores,
// updates of a recurrent state.
double mixing_flops_per_token(const TokenMixer& mixer, std::int64_t hidden, double context, Stack stack);

// What one token of a decoder leaves in the cache of one layer, in elements. Fractions where several tokens share an
// entry.
struct KvElements {
  double global = 0;  // Kept for the whole sequence.
  double window = 0;  // Kept for the last `sliding_window` tokens.
};
KvElements kv_elements(const TokenMixer& mixer);

// Elements of recurrent state of one layer for each sequence, the tail of short convolutions included.
std::int64_t state_elements(const TokenMixer& mixer, std::int64_t hidden);

}  // namespace moesim
