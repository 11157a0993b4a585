// Top-2 with a random second: gates g1, g2 of the two best experts, normalised to g1 + g2 = 1; the token goes to the
// first always and to the second with chance min(1, 2 g2). Lepikhin et al., "GShard" (2020), Algorithm 1; its local
// groups are the capacity's scope `rank`.
#include <array>

#include "models/routing/policies/policies.hpp"
#include "models/routing/scores.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

class Top2RandomSecond final : public RoutingPolicy {
 public:
  explicit Top2RandomSecond(const RouterSpec& router) : router_(router) {
    MOESIM_CHECK(router.top_k == 2, "top_2_random_second with k = {}", router.top_k);
    router_.normalize = true;
  }

  void choose(const LogitBlock& logits, detail::TokenRandom& random, Choices& choices) const override {
    DenseGate gate(router_);
    std::array<std::int32_t, 2> chosen{};
    std::size_t slot = choices.append(logits.tokens(), 2);
    for (std::size_t token = 0; token < logits.tokens(); ++token, slot += 2) {
      gate.start(logits.row(token));
      top_indices(gate.keys(), chosen);
      gate.finish(chosen, slot, choices);
      const double second = gate.scores()[static_cast<std::size_t>(chosen[1])];
      const double both = gate.scores()[static_cast<std::size_t>(chosen[0])] + second;
      if (skips_second(second / both, random)) {
        choices.experts[slot + 1] = Choices::kDropped;
        choices.weights[slot + 1] = 0;
        choices.lost_share += second / gate.free_score();
      }
    }
  }

  bool can_sample(const Choices& wanted) const override { return router_.bias.empty() && !wanted.with_rest; }

  void sample(ExpertRace& race, std::size_t tokens, detail::TokenRandom& random, Choices& choices) const override {
    const double sigmoid = router_.scoring == Scoring::sigmoid ? 1 : 0;
    std::size_t slot = choices.append(tokens, 2);
    for (std::size_t token = 0; token < tokens; ++token, slot += 2) {
      race.start_token();
      const std::int32_t first = race.draw(0, random);
      const double t1 = static_cast<double>(random.exponential()) / race.rate(0);
      const double t2 = t1 + static_cast<double>(random.exponential()) / race.rate_without(0, race.rate(0), first);
      // g2 = s2 / (s1 + s2) with s = 1 / (t + sigmoid).
      const double g2 = (t1 + sigmoid) / (t1 + t2 + 2 * sigmoid);
      const bool skipped = skips_second(g2, random);
      choices.experts[slot] = first;
      choices.experts[slot + 1] = skipped ? Choices::kDropped : race.draw(0, random);
      if (skipped) choices.lost_share += g2;
      if (choices.with_shares) {
        choices.shares[slot] = static_cast<float>(1 - g2);
        choices.shares[slot + 1] = static_cast<float>(g2);
      }
      if (choices.with_weights) {
        choices.weights[slot] = static_cast<float>(1 - g2);
        choices.weights[slot + 1] = static_cast<float>(g2);
      }
    }
  }

 private:
  static bool skips_second(double g2, detail::TokenRandom& random) {
    return static_cast<double>(random.uniform()) >= 2 * g2;
  }

  RouterSpec router_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_top_2_random_second(const RouterSpec& router) {
  return std::make_unique<Top2RandomSecond>(router);
}

}  // namespace moesim
