#pragma once

#include <cstdint>

#include "models/architecture/model_card.hpp"

namespace moesim {

// One MoE layer in numbers, for whoever lays its experts out or times it. FLOPs are forward and for one token; the
// backward pass takes twice as many. A multiply-add is 2 FLOPs.
struct MoeLayerCounts {
  std::int64_t expert_params = 0;  // Of one routed expert, biases included.
  std::int64_t shared_params = 0;  // Of all shared experts together, with their sigmoid gate.
  std::int64_t gate_outputs = 0;   // Routed experts and what else the gate scores.
  std::int64_t gate_params = 0;    // Gate matrix (twice for noisy top-k) and its bias; the selection bias is not here.
  std::int64_t latent_params = 0;  // Projections to and from the routed experts' latent; 0 without one.
  std::int64_t copy_width = 0;     // Elements of a token's copy on its way to a routed expert: hidden, or the latent.

  double expert_flops_per_copy = 0;  // One token in one routed expert.
  double shared_flops = 0;           // A token in all shared experts.
  double gate_flops = 0;
  double latent_flops = 0;  // Both projections; once a token, whatever k is.
};

// `card.moe` is there.
MoeLayerCounts moe_layer_counts(const ModelCard& card);

}  // namespace moesim
