#pragma once

#include <cstdint>

#include "models/data_type.hpp"
#include "sim/units.hpp"

namespace moesim {

// What one token copy weighs on the wire: `hidden` elements of `type`, their scales, and what travels beside them.
struct WireFormat {
  std::int64_t hidden = 0;
  DataType type = DataType::bf16;
  int elements_per_scale = 0;  // 0: no scales. The last block may be short and still has a scale.
  Bytes bytes_per_scale = {};
  Bytes metadata = {};  // Indices, weights, a source token's number.

  Bytes bytes_per_copy() const;
};

// The usual scales of a type: FP8 has one fp32 for each 128 elements (DeepSeek-V3, arXiv:2412.19437, section 3.3; the
// layout of DeepEP), FP4 one FP8 for each 16 (NVFP4), the others none.
WireFormat wire_format(std::int64_t hidden, DataType type, Bytes metadata = {0});

// Per-copy metadata of DeepEP's kernels (deepseek-ai/DeepEP, csrc/kernels/internode.cu and internode_ll.cu), without
// their alignment to 16 bytes, which adds less than 0.3 % at hidden 7168.
Bytes normal_dispatch_metadata(int top_k);  // Source rank and rank mask (8), an index (4) and a weight (4) an expert.
Bytes normal_combine_metadata(int top_k);   // Source rank and rank mask (8), a weight (4) an expert.
Bytes low_latency_dispatch_metadata();      // One 16-byte word with the token's number. Combine has none.

}  // namespace moesim
