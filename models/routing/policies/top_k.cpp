// Top-k: the k experts with the highest scores (plus bias, if there is one). Shazeer et al. 2017, without noise;
// Mixtral and most models since.
#include "models/routing/policies/policies.hpp"
#include "models/routing/scores.hpp"

namespace moesim {
namespace {

class TopK final : public RoutingPolicy {
 public:
  explicit TopK(const RouterSpec& router) : router_(router) {}

  void choose(const LogitBlock& logits, detail::TokenRandom&, Choices& choices) const override {
    DenseGate gate(router_);
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(router_.top_k));
    std::size_t slot = choices.append(logits.tokens(), router_.top_k);
    for (std::size_t token = 0; token < logits.tokens(); ++token, slot += chosen.size()) {
      gate.start(logits.row(token));
      top_indices(gate.keys(), chosen);
      gate.finish(chosen, slot, choices);
    }
  }

  bool can_sample(const Choices& wanted) const override {
    return router_.bias.empty() && (!wanted.with_weights || weighs_without_all_scores(router_));
  }

  void sample(ExpertRace& race, std::size_t tokens, detail::TokenRandom& random, Choices& choices) const override {
    const auto k = static_cast<std::size_t>(router_.top_k);
    std::size_t slot = choices.append(tokens, router_.top_k);
    for (std::size_t token = 0; token < tokens; ++token, slot += k) {
      race.start_token();
      for (std::size_t i = slot; i < slot + k; ++i) choices.experts[i] = race.draw(0, random);
      if (choices.with_shares) sample_times(race, slot, random, choices);
    }
  }

 private:
  // The times of the arrivals that were drawn, and what follows from them. Who arrives does not depend on when.
  void sample_times(const ExpertRace& race, std::size_t slot, detail::TokenRandom& random, Choices& choices) const {
    const auto k = static_cast<std::size_t>(router_.top_k);
    const bool sigmoid = router_.scoring == Scoring::sigmoid;
    double rate = race.rate(0);
    double time = 0;
    double sum = 0;
    for (std::size_t i = slot; i < slot + k; ++i) {
      time += static_cast<double>(random.exponential()) / rate;
      const double score = 1 / (time + (sigmoid ? 1 : 0));
      choices.shares[i] = static_cast<float>(score);
      sum += score;
      rate -= race.popularity(choices.experts[i]);
      if (!(rate > kSmallestRate)) rate = kSmallestRate;
    }
    if (choices.with_rest) {
      choices.rest.clock.push_back(static_cast<float>(time));
      choices.rest.free.push_back(static_cast<float>(sum));
    }
    if (choices.with_weights) {
      const float divisor = divides_by_sum(router_) ? static_cast<float>(sum) : 1;
      for (std::size_t i = slot; i < slot + k; ++i) choices.weights[i] = choices.shares[i] / divisor;
    }
    for (std::size_t i = slot; i < slot + k; ++i) choices.shares[i] /= static_cast<float>(sum);
  }

  // The subtraction may cancel; what arrives that late has no share to speak of.
  static constexpr double kSmallestRate = 1e-12;

  RouterSpec router_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_top_k(const RouterSpec& router) { return std::make_unique<TopK>(router); }

}  // namespace moesim
