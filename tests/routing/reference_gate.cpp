#include "tests/routing/reference_gate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace moesim::test {
namespace {

std::vector<double> reference_scores(Scoring scoring, std::span<const float> logits) {
  std::vector<double> scores;
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  for (const float logit : logits) {
    const double x = static_cast<double>(logit);
    scores.push_back(scoring == Scoring::sigmoid ? 1 / (1 + std::exp(-x)) : std::exp(x) / sum);
  }
  return scores;
}

// Of all sets of `size` members of `allowed`, the one whose values have the largest sum, as a bit mask.
std::uint32_t best_subset(std::span<const double> values, std::uint32_t allowed, int size) {
  std::uint32_t best = 0;
  double best_sum = -1e300;
  for (std::uint32_t set = 0; set < 1u << values.size(); ++set) {
    if ((set & ~allowed) != 0 || std::popcount(set) != size) continue;
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += (set >> i & 1) != 0 ? values[i] : 0;
    if (sum > best_sum) {
      best = set;
      best_sum = sum;
    }
  }
  return best;
}

// The experts of the groups that stay: the set of groups with the largest sum of scores, a group's score being the
// largest sum of two of its keys.
std::uint32_t experts_of_kept_groups(const RouterSpec& spec, std::span<const double> keys) {
  const int size = spec.num_experts / spec.groups;
  const auto members = [&](int group) { return ((1u << size) - 1) << (group * size); };
  std::vector<double> scores;
  for (int group = 0; group < spec.groups; ++group) {
    const std::uint32_t pair = best_subset(keys, members(group), std::min(2, size));
    double sum = 0;
    for (std::size_t e = 0; e < keys.size(); ++e) sum += (pair >> e & 1) != 0 ? keys[e] : 0;
    scores.push_back(sum);
  }
  const std::uint32_t kept = best_subset(scores, ~0u, spec.groups_kept);
  std::uint32_t experts = 0;
  for (int group = 0; group < spec.groups; ++group) experts |= (kept >> group & 1) != 0 ? members(group) : 0;
  return experts;
}

}  // namespace

std::vector<double> reference_weights(const RouterSpec& spec, std::span<const float> logits) {
  const std::vector<double> scores = reference_scores(spec.scoring, logits);
  std::vector<double> keys = scores;
  for (std::size_t e = 0; e < spec.bias.size(); ++e) keys[e] += spec.bias[e];

  const bool limited = spec.kind == RoutingKind::group_limited || spec.kind == RoutingKind::node_limited;
  const std::uint32_t allowed = limited ? experts_of_kept_groups(spec, keys) : ~0u;
  const std::uint32_t chosen = best_subset(keys, allowed, spec.top_k);

  std::vector<double> weights(scores.size());
  double sum = 0;
  for (std::size_t e = 0; e < scores.size(); ++e) sum += weights[e] = (chosen >> e & 1) != 0 ? scores[e] : 0;
  const bool by_sum = spec.normalize || spec.scoring == Scoring::softmax_topk;
  for (double& weight : weights) weight *= spec.scaling_factor / (by_sum ? sum : 1);
  return weights;
}

}  // namespace moesim::test
