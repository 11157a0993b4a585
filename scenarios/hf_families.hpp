#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/architecture/attention.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

// What the code behind a Hugging Face "model_type" fixes and its config.json therefore does not say.
struct HfFamily {
  std::string_view model_type;
  std::string_view architecture;  // The same, as listed in "architectures".

  bool latent_attention = false;
  bool linear_hybrid = false;  // Gated DeltaNet in most layers, gated attention in every fourth.
  ProjectionBias bias_default = ProjectionBias::none;  // Without "attention_bias".
  ProjectionBias bias_if_true = ProjectionBias::qkvo;  // With "attention_bias": true.
  QkNorm qk_norm = QkNorm::none;
  bool qk_norm_by_key = false;  // Only with "use_qk_norm": true.
  bool sinks = false;

  bool moe = false;
  bool expert_width_is_intermediate = false;  // "intermediate_size" is the experts' width; there is no dense FFN.
  Scoring scoring = Scoring::softmax;         // Unless "scoring_func" says otherwise.
  bool selection_bias = false;                // Also with "topk_method": "noaux_tc".
  bool normalize_default = false;
  bool shared_gate = false;
  bool expert_bias = false;  // On experts and gate.
  int mtp_table_copies = 0;
};

std::span<const HfFamily> hf_families();

}  // namespace moesim
