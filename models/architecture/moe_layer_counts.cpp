#include "models/architecture/moe_layer_counts.hpp"

#include "sim/check.hpp"

namespace moesim {

MoeLayerCounts moe_layer_counts(const ModelCard& card) {
  MOESIM_CHECK(card.moe.has_value(), "{} has no MoE layer", card.name);
  const MoeFfn& moe = *card.moe;
  const std::int64_t d = card.hidden_size;
  MoeLayerCounts counts;
  counts.copy_width = moe.latent_size.value_or(d);
  const std::int64_t expert_bias = moe.expert_bias ? (moe.matrices - 1) * moe.expert_width + d : 0;
  counts.expert_params = moe.matrices * counts.copy_width * moe.expert_width + expert_bias;
  counts.shared_params = moe.shared_experts * moe.matrices * d * moe.shared_width + (moe.shared_gate ? d : 0);
  counts.gate_outputs = moe.routing.num_experts + moe.extra_gate_outputs;
  const std::int64_t gate_matrices = moe.routing.kind == RoutingKind::noisy_top_k ? 2 : 1;
  counts.gate_params = gate_matrices * d * counts.gate_outputs + (moe.gate_bias ? counts.gate_outputs : 0);
  if (moe.latent_size) counts.latent_params = 2 * d * *moe.latent_size + (moe.latent_norm ? *moe.latent_size : 0);

  counts.expert_flops_per_copy = 2.0 * static_cast<double>(counts.expert_params);
  counts.shared_flops = 2.0 * static_cast<double>(counts.shared_params);
  counts.gate_flops = 2.0 * static_cast<double>(counts.gate_params);
  counts.latent_flops = 2.0 * static_cast<double>(counts.latent_params);
  return counts;
}

}  // namespace moesim
