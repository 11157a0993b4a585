#pragma once

#include <span>

#include "models/kernels/attention_shape.hpp"
#include "models/kernels/constant.hpp"

namespace moesim {

// What the decode of latent attention hangs on: queries brought to the latent's width (absorbed), the latent read by
// all heads. Defaults are those of an uncalibrated model, rounded from what H100's rows gave in bf16.
struct MlaDecodeConstants {
  double launch_us = 10;
  double merge_split_us = 0.05;
  double merge_passes = 1;
  double sequence_blocks = 1;
  double peak_fraction = 0.67;
  double bandwidth_fraction = 0.9;
  double query_passes = 2;
};
std::span<const Constant<MlaDecodeConstants>> mla_decode_constants();

// docs/models/attention.md derives it. Thread blocks walk equal shares of all sequences' blocks of 64 keys, with 64
// rows of queries each; the new tokens of a sequence stand beside one another as further heads. Computed in bf16,
// whatever the cache. Shared keys as in grouped_decode_time.
AttentionTime mla_decode_time(const MlaDecodeConstants& constants, const Device& device, DataType cache,
                              const MlaShape& shape);

}  // namespace moesim
