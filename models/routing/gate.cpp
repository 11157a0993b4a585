#include "models/routing/gate.hpp"

#include "models/routing/routing_policy.hpp"
#include "models/routing/streams.hpp"

namespace moesim {

std::vector<float> gate_weights(const RouterSpec& router, std::span<const float> logits,
                                std::span<const float> noise_logits, std::uint64_t seed) {
  const LogitBlock block{.experts = router.num_experts,
                         .logits = {logits.begin(), logits.end()},
                         .noise_logits = {noise_logits.begin(), noise_logits.end()}};
  detail::TokenRandom random(seed, detail::stream_of(detail::StreamUse::tokens));
  Choices choices;
  make_policy(router, expert_groups(router))->choose(block, random, choices);

  const auto slots = static_cast<std::size_t>(choices.slots);
  std::vector<float> weights(logits.size(), 0.0f);
  for (std::size_t i = 0; i < choices.experts.size(); ++i) {
    if (choices.experts[i] < 0) continue;
    const std::size_t token = i / slots;
    weights[token * static_cast<std::size_t>(router.num_experts) + static_cast<std::size_t>(choices.experts[i])] =
        choices.weights[i];
  }
  return weights;
}

}  // namespace moesim
