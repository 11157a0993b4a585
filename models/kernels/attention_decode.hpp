#pragma once

#include <span>

#include "models/kernels/attention_shape.hpp"
#include "models/kernels/constant.hpp"

namespace moesim {

// Decode has two kernels. One packs the heads that share keys into a tile, so that these are loaded once; the other
// gives each head a thread block of its own. Defaults are those of an uncalibrated model, rounded from
// what H100's rows gave in bf16. docs/models/attention.md derives the times.

// A thread block for a sequence, a head of keys, and a part of the keys.
struct GroupedDecodeConstants {
  double launch_us = 5;
  double start_us = 3.2;
  double wide_start_us = 1;
  double tile_us = 0;
  double row_us = 0.07;
  double merge_us = 2;
  double merge_split_us = 0.08;
  double bandwidth_fraction = 0.9;
};
std::span<const Constant<GroupedDecodeConstants>> grouped_decode_constants();

// A thread block for a sequence and a head, and a part of the keys where there are few of both.
struct PerHeadDecodeConstants {
  double launch_us = 4;
  double start_us = 5;
  double split_us = 4;
  double key_ns = 9;
  double bandwidth_fraction = 0.9;
  double split_bandwidth_fraction = 0.65;
};
std::span<const Constant<PerHeadDecodeConstants>> per_head_decode_constants();

// Which of the two TensorRT-LLM 1.3 takes: groups of 2 to 32 heads, and of a bf16 cache at least 64 tiles of keys.
// The new tokens of a sequence stand beside one another as further heads of their group.
bool takes_grouped_decode(const AttentionShape& shape, DataType cache);

// All new tokens see all keys: what a mask leaves out of a tile is computed none the less. Shared keys are read once,
// by tiles that hold rows of all sequences (cascade attention), and their part is merged with that of each sequence's
// own keys, wherever that is faster than reading them again for every sequence.
AttentionTime grouped_decode_time(const GroupedDecodeConstants& constants, const Device& device, DataType cache,
                                  const AttentionShape& shape);
// Reads shared keys for every sequence.
AttentionTime per_head_decode_time(const PerHeadDecodeConstants& constants, const Device& device, DataType cache,
                                   const AttentionShape& shape);

// The kernel that the library takes, or, of a batch with shared keys, the grouped one where that is faster.
AttentionTime decode_time(const GroupedDecodeConstants& grouped, const PerHeadDecodeConstants& per_head,
                          const Device& device, DataType cache, const AttentionShape& shape);

}  // namespace moesim
