// Group-limited top-k: the `groups_kept` best groups stay, and the token takes the top-k of their experts. A group's
// score is the sum of the two best keys (score + bias) in it, or the best key alone. With the nodes as groups and the
// sum of two this is node-limited routing: DeepSeek-AI, "DeepSeek-V3 Technical Report" (2024), section 2.1.2, and the
// model's public inference code. With the ranks as groups and the best key it is device-limited routing: DeepSeek-AI,
// "DeepSeek-V2" (2024), section 2.2.2.
#include <algorithm>
#include <limits>

#include "models/routing/policies/group_sampling.hpp"
#include "models/routing/policies/policies.hpp"
#include "models/routing/scores.hpp"

namespace moesim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class GroupLimited final : public RoutingPolicy {
 public:
  GroupLimited(const RouterSpec& router, const ExpertGroups& groups)
      : router_(router),
        members_(groups.members()),
        groups_(groups),
        kept_(std::min(static_cast<std::size_t>(router.groups_kept), members_.size())) {}

  void choose(const LogitBlock& logits, detail::TokenRandom&, Choices& choices) const override {
    DenseGate gate(router_);
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(router_.top_k));
    std::size_t slot = choices.append(logits.tokens(), router_.top_k);
    for (std::size_t token = 0; token < logits.tokens(); ++token, slot += chosen.size()) {
      gate.start(logits.row(token));
      rule_out_groups(gate.keys());
      top_indices(gate.keys(), chosen);
      gate.finish(chosen, slot, choices);
    }
  }

  bool can_sample(const Choices& wanted) const override {
    return router_.bias.empty() && !wanted.with_rest && (!wanted.with_weights || weighs_without_all_scores(router_));
  }

  void sample(ExpertRace& race, std::size_t tokens, detail::TokenRandom& random, Choices& choices) const override {
    if (router_.group_score == GroupScore::best) {
      detail::sample_groups_by_best(router_, groups_, kept_, race, tokens, random, choices);
    } else {
      detail::sample_groups_by_best_two(router_, kept_, race, tokens, random, choices);
    }
  }

  bool races_in_groups() const override { return router_.group_score == GroupScore::best_two; }

 private:
  void rule_out_groups(std::span<double> keys) const {
    std::vector<double> group_scores(members_.size());
    for (std::size_t g = 0; g < members_.size(); ++g) {
      double best = -kInfinity;
      double second = -kInfinity;
      for (const std::int32_t e : members_[g]) {
        const double key = keys[static_cast<std::size_t>(e)];
        second = std::max(second, std::min(best, key));
        best = std::max(best, key);
      }
      const bool two = router_.group_score == GroupScore::best_two && members_[g].size() > 1;
      group_scores[g] = two ? best + second : best;
    }
    std::vector<std::int32_t> kept(kept_);
    top_indices(group_scores, kept);
    for (std::size_t g = 0; g < members_.size(); ++g) {
      if (std::find(kept.begin(), kept.end(), static_cast<std::int32_t>(g)) != kept.end()) continue;
      for (const std::int32_t e : members_[g]) keys[static_cast<std::size_t>(e)] = -kInfinity;
    }
  }

  RouterSpec router_;
  std::vector<std::vector<std::int32_t>> members_;  // [groups][..] experts
  ExpertGroups groups_;
  std::size_t kept_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_group_limited(const RouterSpec& router, const ExpertGroups& groups) {
  return std::make_unique<GroupLimited>(router, groups);
}

}  // namespace moesim
