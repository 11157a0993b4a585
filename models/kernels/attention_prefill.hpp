#pragma once

#include <span>

#include "models/kernels/attention_shape.hpp"
#include "models/kernels/constant.hpp"

namespace moesim {

// What a prefill's time hangs on, of heads (attention_prefill) and of latent attention (mla_prefill) alike. Defaults
// are those of an uncalibrated model, rounded from what H100's rows gave for heads in bf16.
struct PrefillConstants {
  double launch_us = 12;
  double tile_us = 2.5;
  double peak_fraction = 0.75;
  double exposed_exponentials = 0.7;
  double query_passes = 4.5;
  double key_value_passes = 1.5;
};
std::span<const Constant<PrefillConstants>> prefill_constants();

// Blocks of 64 keys that the tiles of 128 queries of one head of one sequence go through; those on the diagonal are
// computed whole.
struct KeyBlocks {
  double all = 0;
  double longest = 0;  // Of the last tile.
};
KeyBlocks key_blocks(std::int64_t new_tokens, std::int64_t cached);

// docs/models/attention.md derives them. What is cached costs products and bytes, but no pass before them, so that a
// prompt in chunks and a prompt whose beginning is cached follow from the same form. Shared keys are read once for the
// batch and multiplied by every sequence's queries.
AttentionTime prefill_time(const PrefillConstants& constants, const Device& device, const AttentionTypes& types,
                           const AttentionShape& shape);
AttentionTime mla_prefill_time(const PrefillConstants& constants, const Device& device, const AttentionTypes& types,
                               const MlaShape& shape);

}  // namespace moesim
