#include "models/architecture/parameters.hpp"
#include "models/quality/scaling_law.hpp"

namespace moesim {

LawInput law_input(const ModelCard& card, double training_tokens) {
  const ParameterCounts counts = count_parameters(card);
  const auto tables = static_cast<double>(counts.input_embedding + counts.lm_head);
  LawInput input;
  input.total_params = static_cast<double>(counts.total()) - tables;
  input.active_params = input.total_params - static_cast<double>(counts.routed_experts - counts.routed_experts_active);
  input.training_tokens = training_tokens;
  if (counts.routed_experts == 0) return input;
  const auto active = static_cast<double>(counts.routed_experts_active + counts.shared_experts);
  input.expansion = static_cast<double>(counts.routed_experts + counts.shared_experts) / active;
  // k experts are what is active of the routed ones.
  input.granularity = active / static_cast<double>(counts.routed_experts_active) * card.moe->routing.top_k;
  return input;
}

}  // namespace moesim
