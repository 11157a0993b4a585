#include "models/routing/alternatives.hpp"

#include <algorithm>
#include <utility>

#include "sim/check.hpp"

namespace moesim {
namespace {

bool names(const Choices& choices, std::size_t token, std::int32_t expert) {
  const auto slots = static_cast<std::size_t>(choices.slots);
  const auto chosen = std::span(choices.experts).subspan(token * slots, slots);
  return std::find(chosen.begin(), chosen.end(), expert) != chosen.end();
}

class FromScores final : public Alternatives {
 public:
  FromScores(const RouterSpec& router, const Choices& choices) : router_(router), choices_(choices) {
    const std::size_t wanted = choices.tokens() * static_cast<std::size_t>(router.num_experts);
    MOESIM_CHECK(choices.rest.scores.size() == wanted, "{} scores, not {}", choices.rest.scores.size(), wanted);
  }

  std::int32_t next(std::size_t token, const std::vector<char>& open) override {
    std::int32_t best = kNone;
    double best_key = 0;
    for (std::int32_t e = 0; e < router_.num_experts; ++e) {
      if (open[static_cast<std::size_t>(e)] == 0 || !allows(token, e) || names(choices_, token, e)) continue;
      const double bias = router_.bias.empty() ? 0 : router_.bias[static_cast<std::size_t>(e)];
      const double key = static_cast<double>(score(token, e)) + bias;
      if (best != kNone && !(key > best_key)) continue;
      best = e;
      best_key = key;
    }
    return best;
  }

  bool allows(std::size_t token, std::int32_t expert) const override { return score(token, expert) >= 0; }

  float share(std::size_t token, std::int32_t expert) override {
    return score(token, expert) / choices_.rest.free[token];
  }

 private:
  float score(std::size_t token, std::int32_t expert) const {
    return choices_.rest
        .scores[token * static_cast<std::size_t>(router_.num_experts) + static_cast<std::size_t>(expert)];
  }

  const RouterSpec& router_;
  const Choices& choices_;
};

// Arrivals have no memory: of the experts that have not arrived by the token's clock, each is the next of any set of
// them with chance p / (the set's sum of p), and exponential(that sum) later.
class FromRace final : public Alternatives {
 public:
  FromRace(const RouterSpec& router, std::span<const double> popularity, const Choices& choices,
           const detail::TokenRandom& random)
      : sigmoid_(router.scoring == Scoring::sigmoid ? 1 : 0),
        popularity_(popularity),
        choices_(choices),
        random_(random),
        clock_(choices.rest.clock) {
    MOESIM_CHECK(clock_.size() == choices.tokens(), "{} clocks of {} tokens", clock_.size(), choices.tokens());
  }

  std::int32_t next(std::size_t token, const std::vector<char>& open) override {
    double rate = 0;
    std::int32_t last = kNone;
    for (std::size_t e = 0; e < popularity_.size(); ++e) {
      if (!is_left(token, e, open)) continue;
      rate += popularity_[e];
      last = static_cast<std::int32_t>(e);
    }
    if (last == kNone) return kNone;
    clock_[token] += random_.exponential() / static_cast<float>(rate);
    arrived_ = last;  // Where rounding leaves nobody for the end of the scale.
    double place = static_cast<double>(random_.uniform()) * rate;
    for (std::size_t e = 0; e < popularity_.size(); ++e) {
      if (!is_left(token, e, open)) continue;
      place -= popularity_[e];
      if (place >= 0) continue;
      arrived_ = static_cast<std::int32_t>(e);
      break;
    }
    return arrived_;
  }

  bool allows(std::size_t, std::int32_t) const override { return true; }

  float share(std::size_t token, std::int32_t expert) override {
    float time = clock_[token];
    if (expert != std::exchange(arrived_, kNone)) {
      time += random_.exponential() / static_cast<float>(popularity_[static_cast<std::size_t>(expert)]);
    }
    return 1 / (time + sigmoid_) / choices_.rest.free[token];
  }

 private:
  bool is_left(std::size_t token, std::size_t expert, const std::vector<char>& open) const {
    return open[expert] != 0 && !names(choices_, token, static_cast<std::int32_t>(expert));
  }

  float sigmoid_;  // A score is 1 / (time + sigmoid_).
  std::span<const double> popularity_;
  const Choices& choices_;
  detail::TokenRandom random_;
  std::vector<float> clock_;      // [tokens] up to which the race has run.
  std::int32_t arrived_ = kNone;  // What next() gave last.
};

}  // namespace

std::unique_ptr<Alternatives> alternatives_from_scores(const RouterSpec& router, const Choices& choices) {
  return std::make_unique<FromScores>(router, choices);
}

std::unique_ptr<Alternatives> alternatives_from_race(const RouterSpec& router, std::span<const double> popularity,
                                                     const Choices& choices, const detail::TokenRandom& random) {
  return std::make_unique<FromRace>(router, popularity, choices, random);
}

}  // namespace moesim
