#pragma once

#include "models/kernels/moe_layer.hpp"
#include "sim/units.hpp"

namespace moesim {

// What of one MoE layer lies in one rank's memory.
struct LayerMemory {
  Bytes weights;      // Experts on the rank, shared experts, gate.
  Bytes gradients;    // Of the weights; 0 without a backward pass.
  Bytes optimizer;    // Its state for the weights; 0 without a backward pass.
  Bytes activations;  // Kept from forward to backward; without a backward pass, the most that is live at once.
  Bytes buffers;      // The exchanges' send and receive buffers.

  Bytes total() const { return weights + gradients + optimizer + activations + buffers; }
};

struct MemoryOptions {
  bool backward = false;
  DataType weight = DataType::bf16;  // As the weights are kept; the gate's are in MoeLayerShape::gate.
  // Adam in mixed precision: an fp32 master copy and two fp32 moments (ZeRO, arXiv:1910.02054, section 3.1). With the
  // bf16 moments of DeepSeek-V3 (arXiv:2412.19437, section 3.3.2) it is 8.
  double optimizer_bytes_a_weight = 12;
  int optimizer_shards = 1;  // Ranks that split the state (ZeRO-1), among those with equal weights.
};

// `most` is the load of the rank that receives the most, since every rank must have room for what may come to it.
LayerMemory layer_memory(const MoeLayerShape& shape, const MoeRankLoad& most, const MemoryOptions& options);

// Parameters of one layer on one rank: experts, shared experts, gate.
std::int64_t layer_parameters(const MoeLayerShape& shape);

// Parameters of one routed expert.
std::int64_t routed_expert_parameters(const MoeLayerShape& shape);

}  // namespace moesim
