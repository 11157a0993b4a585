// Expert choice: the experts pick. Each takes the C tokens with its highest scores, so that every expert is equally
// loaded, while a token may get any number of experts, none among them. Zhou et al., "Mixture-of-Experts with Expert
// Choice Routing" (2022). C is the capacity of the tokens among which an expert chooses (factor 1 where none is given).
#include <algorithm>
#include <utility>

#include "models/routing/capacity.hpp"
#include "models/routing/policies/policies.hpp"
#include "models/routing/scores.hpp"

namespace moesim {
namespace {

class ExpertChoice final : public RoutingPolicy {
 public:
  explicit ExpertChoice(const RouterSpec& router) : router_(router) {}

  bool needs_all_tokens() const override { return true; }

  void choose(const LogitBlock& logits, detail::TokenRandom&, Choices& choices) const override {
    const std::size_t tokens = logits.tokens();
    if (tokens == 0) return;
    const auto chosen = experts_of_tokens(logits);
    std::size_t slots = 1;
    for (const auto& experts : chosen) slots = std::max(slots, experts.size());

    DenseGate gate(router_);
    std::size_t slot = choices.append(tokens, static_cast<int>(slots));
    for (std::size_t token = 0; token < tokens; ++token, slot += slots) {
      gate.start(logits.row(token));
      gate.finish(chosen[token], slot, choices);
    }
  }

 private:
  // [tokens][..] experts that picked the token, those with the highest score first.
  std::vector<std::vector<std::int32_t>> experts_of_tokens(const LogitBlock& logits) const {
    using Candidate = std::pair<float, std::int32_t>;  // Score, token.
    const auto better = [](const Candidate& a, const Candidate& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    const std::size_t tokens = logits.tokens();
    const auto experts = static_cast<std::size_t>(router_.num_experts);
    const std::vector<float> scores = all_scores(logits);
    const auto capacity = static_cast<std::ptrdiff_t>(
        std::min(capacity_slots(router_, static_cast<std::int64_t>(tokens)), static_cast<std::int64_t>(tokens)));

    std::vector<std::vector<Candidate>> picked(tokens);
    std::vector<Candidate> column(tokens);
    for (std::size_t e = 0; e < experts; ++e) {
      for (std::size_t t = 0; t < tokens; ++t) column[t] = {scores[t * experts + e], static_cast<std::int32_t>(t)};
      std::nth_element(column.begin(), column.begin() + (capacity - 1), column.end(), better);
      for (std::ptrdiff_t i = 0; i < capacity; ++i) {
        const auto& [score, token] = column[static_cast<std::size_t>(i)];
        picked[static_cast<std::size_t>(token)].emplace_back(score, static_cast<std::int32_t>(e));
      }
    }
    std::vector<std::vector<std::int32_t>> chosen(tokens);
    for (std::size_t t = 0; t < tokens; ++t) {
      std::sort(picked[t].begin(), picked[t].end(), better);
      for (const auto& [score, expert] : picked[t]) chosen[t].push_back(expert);
    }
    return chosen;
  }

  std::vector<float> all_scores(const LogitBlock& logits) const {
    std::vector<float> result;
    result.reserve(logits.logits.size());
    DenseGate gate(router_);
    for (std::size_t token = 0; token < logits.tokens(); ++token) {
      gate.start(logits.row(token));
      for (const double key : gate.keys()) result.push_back(static_cast<float>(key));
    }
    return result;
  }

  RouterSpec router_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_expert_choice(const RouterSpec& router) {
  return std::make_unique<ExpertChoice>(router);
}

}  // namespace moesim
