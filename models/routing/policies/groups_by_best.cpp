// The fast path of groups that are ranked by their best score: the groups that stay are those of the first arrivals. As
// long as fewer than `kept` groups have been seen every arrival is chosen, so that after k arrivals, the free top-k,
// either the choice is complete or all groups that stay are known; then the race goes on among the experts of these.
#include <algorithm>

#include "models/routing/policies/group_sampling.hpp"
#include "models/routing/scores.hpp"
#include "sim/check.hpp"

namespace moesim::detail {
namespace {

class FirstGroups {
 public:
  FirstGroups(const RouterSpec& router, const ExpertGroups& groups, std::size_t kept)
      : top_k_(static_cast<std::size_t>(router.top_k)),
        most_kept_(kept),
        sigmoid_(router.scoring == Scoring::sigmoid ? 1 : 0),
        groups_(groups),
        members_(groups.members()) {}

  // Writes k choices from `slot` on, their scores as shares.
  void sample(ExpertRace& race, TokenRandom& random, std::size_t slot, Choices& choices) {
    kept_.clear();
    time_ = 0;
    sum_ = 0;
    taken_ = 0;
    slot_ = slot;
    double free = 0;
    double rate = race.rate(0);
    for (std::size_t arrival = 0; arrival < top_k_; ++arrival) {
      const std::int32_t expert = race.draw(0, random);
      time_ += static_cast<double>(random.exponential()) / rate;
      rate = race.rate_without(0, rate, expert);
      free += score();
      if (keeps(groups_.group_of_expert[static_cast<std::size_t>(expert)])) take(expert, choices);
    }
    if (taken_ < top_k_) go_on(race, random, choices);
    choices.lost_share += 1 - sum_ / free;
    free_ = static_cast<float>(free);
  }

  float free() const { return free_; }
  float sum() const { return static_cast<float>(sum_); }

 private:
  double score() const { return 1 / (time_ + sigmoid_); }

  bool keeps(std::int32_t group) {
    if (std::find(kept_.begin(), kept_.end(), group) != kept_.end()) return true;
    if (kept_.size() == most_kept_) return false;
    kept_.push_back(group);
    return true;
  }

  void take(std::int32_t expert, Choices& choices) {
    const double value = score();
    choices.experts[slot_ + taken_] = expert;
    if (choices.with_shares) choices.shares[slot_ + taken_] = static_cast<float>(value);
    sum_ += value;
    ++taken_;
  }

  // Arrivals have no memory: the next of those that are left is any of them with chance p / (their sum of p).
  void go_on(const ExpertRace& race, TokenRandom& random, Choices& choices) {
    left_.clear();
    for (const std::int32_t group : kept_) {
      for (const std::int32_t expert : members_[static_cast<std::size_t>(group)]) {
        if (!race.was_drawn(expert)) left_.push_back(expert);
      }
    }
    while (taken_ < top_k_) {
      MOESIM_CHECK(!left_.empty(), "{} groups with fewer than {} experts", kept_.size(), top_k_);
      double rate = 0;
      for (const std::int32_t expert : left_) rate += race.popularity(expert);
      time_ += static_cast<double>(random.exponential()) / rate;
      double place = static_cast<double>(random.uniform()) * rate;
      std::size_t at = 0;
      for (; at + 1 < left_.size(); ++at) {
        place -= race.popularity(left_[at]);
        if (place < 0) break;
      }
      take(left_[at], choices);
      left_[at] = left_.back();
      left_.pop_back();
    }
  }

  std::size_t top_k_;
  std::size_t most_kept_;
  double sigmoid_;  // A score is 1 / (time + sigmoid_).
  const ExpertGroups& groups_;
  std::vector<std::vector<std::int32_t>> members_;  // [groups][..] experts

  // Of the token at hand.
  std::vector<std::int32_t> kept_;
  std::vector<std::int32_t> left_;
  double time_ = 0;
  double sum_ = 0;  // Scores of what it takes.
  float free_ = 0;  // Of the free top-k.
  std::size_t taken_ = 0;
  std::size_t slot_ = 0;
};

}  // namespace

void sample_groups_by_best(const RouterSpec& router, const ExpertGroups& groups, std::size_t kept, ExpertRace& race,
                           std::size_t tokens, TokenRandom& random, Choices& choices) {
  FirstGroups first(router, groups, kept);
  const auto k = static_cast<std::size_t>(router.top_k);
  std::size_t slot = choices.append(tokens, router.top_k);
  for (std::size_t token = 0; token < tokens; ++token, slot += k) {
    race.start_token();
    first.sample(race, random, slot, choices);
    if (choices.with_weights) weigh_by_shares(router, slot, first.sum(), choices);
    for (std::size_t i = slot; choices.with_shares && i < slot + k; ++i) choices.shares[i] /= first.free();
  }
}

}  // namespace moesim::detail
