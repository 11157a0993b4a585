#include "models/routing/scores.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

void expert_scores(Scoring scoring, std::span<const float> logits, std::span<double> scores) {
  if (scoring == Scoring::sigmoid) {
    for (std::size_t e = 0; e < logits.size(); ++e) scores[e] = 1 / (1 + std::exp(-static_cast<double>(logits[e])));
    return;
  }
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (std::size_t e = 0; e < logits.size(); ++e) sum += scores[e] = std::exp(static_cast<double>(logits[e]) - largest);
  for (double& score : scores) score /= sum;
}

void top_indices(std::span<const double> keys, std::span<std::int32_t> best) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (found == best.size() && !(keys[i] > keys[static_cast<std::size_t>(best[found - 1])])) continue;
    std::size_t at = found < best.size() ? found++ : found - 1;
    for (; at > 0 && keys[i] > keys[static_cast<std::size_t>(best[at - 1])]; --at) best[at] = best[at - 1];
    best[at] = static_cast<std::int32_t>(i);
  }
}

DenseGate::DenseGate(const RouterSpec& router)
    : router_(router),
      scores_(static_cast<std::size_t>(router.num_experts)),
      keys_(scores_.size()),
      best_(static_cast<std::size_t>(router.top_k)) {}

void DenseGate::start(std::span<const float> logits) {
  logits_ = logits;
  expert_scores(router_.scoring, logits, scores_);
  for (std::size_t e = 0; e < keys_.size(); ++e) keys_[e] = scores_[e] + (router_.bias.empty() ? 0 : router_.bias[e]);
}

double DenseGate::free_score() {
  top_indices(scores_, best_);
  double sum = 0;
  for (const std::int32_t e : best_) sum += scores_[static_cast<std::size_t>(e)];
  return sum;
}

void DenseGate::finish(std::span<const std::int32_t> chosen, std::size_t first_slot, Choices& choices) {
  double kept = 0;
  for (const std::int32_t e : chosen) kept += scores_[static_cast<std::size_t>(e)];
  const double free = free_score();
  choices.lost_share += 1 - kept / free;

  const double scale = router_.scaling_factor / (divides_by_sum(router_) ? kept : 1);
  choices.weights.resize(choices.experts.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const double score = scores_[static_cast<std::size_t>(chosen[i])];
    choices.experts[first_slot + i] = chosen[i];
    choices.weights[first_slot + i] = static_cast<float>(score * scale);
    if (choices.with_shares) choices.shares[first_slot + i] = static_cast<float>(score / free);
  }
  if (!choices.with_rest) return;
  choices.rest.free.push_back(static_cast<float>(free));
  for (std::size_t e = 0; e < keys_.size(); ++e) {
    choices.rest.scores.push_back(std::isfinite(keys_[e]) ? static_cast<float>(scores_[e]) : -1.0f);
  }
}

}  // namespace moesim
