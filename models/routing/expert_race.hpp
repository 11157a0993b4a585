#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/expert_groups.hpp"
#include "models/routing/token_random.hpp"

namespace moesim {

// The logits of one token as a race: expert e arrives at time T_e, exponential with rate p_e, and its logit is -ln T_e,
// which is ln p_e plus Gumbel noise. The best logits are the first arrivals, so that a policy that needs only the best
// draws only those: the next arrival among experts of total rate R is exponential(R) later, and is expert e with chance
// p_e / R. (Softmax scores are proportional to 1 / T; the sigmoid score is 1 / (1 + T).)
//
// Runs one token at a time: start_token(), then draw() and rate() as often as wanted. Each group of experts is a race
// of its own; the race over several groups is their merge.
class ExpertRace {
 public:
  ExpertRace(std::span<const double> popularity, const ExpertGroups& groups);

  int experts() const { return static_cast<int>(popularity_.size()); }
  int groups() const { return static_cast<int>(lanes_.size()); }
  int size(int group) const { return lanes_[static_cast<std::size_t>(group)].size; }
  double rate(int group) const { return lanes_[static_cast<std::size_t>(group)].rate; }  // Of the whole group.
  double popularity(std::int32_t expert) const { return popularity_[static_cast<std::size_t>(expert)]; }

  bool is_even() const { return even_; }  // All experts of a group are equally popular, in each.
  bool was_drawn(std::int32_t expert) const { return drawn_by_[static_cast<std::size_t>(expert)] == token_; }

  void start_token() {
    if (++token_ == 0) restart_stamps();
  }
  // The group's next arrival among those that this token has not drawn yet; there must be one.
  std::int32_t draw(int group, detail::TokenRandom& random) {
    const Lane& lane = lanes_[static_cast<std::size_t>(group)];
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const std::int32_t expert = drawn_from(lane, random.bits());
      std::uint32_t& stamp = drawn_by_[static_cast<std::size_t>(expert)];
      if (stamp != token_) {
        stamp = token_;
        return expert;
      }
    }
    return draw_by_scan(group, random);
  }
  // The group's first arrival: nobody of it has been drawn for this token.
  std::int32_t draw_first(int group, detail::TokenRandom& random) {
    const std::int32_t expert = drawn_from(lanes_[static_cast<std::size_t>(group)], random.bits());
    drawn_by_[static_cast<std::size_t>(expert)] = token_;
    return expert;
  }
  // What is left of its group's rate after that arrival, and the mean wait for the second; infinite in a group of one.
  double rate_after(std::int32_t first) const { return rate_after_[static_cast<std::size_t>(first)]; }
  float wait_after(std::int32_t first) const { return wait_after_[static_cast<std::size_t>(first)]; }
  // What is left of a group's rate after `drawn`, given what was left before: exact where the subtraction would cancel.
  double rate_without(int group, double before, std::int32_t drawn) const {
    const double left = before - popularity(drawn);
    return left > kCancels * rate(group) ? left : rate_by_scan(group);
  }

 private:
  struct Lane {
    double rate = 0;
    std::int32_t first = 0;  // Its slots are slots_[first, first + size).
    std::int32_t size = 0;
  };
  // One column of an alias table: `own` below the threshold, else `other` (Walker 1977; built as by Vose 1991).
  struct Slot {
    std::uint32_t threshold = 0;
    std::int32_t own = 0;
    std::int32_t other = 0;
  };
  // Rejection is cheap while little of the rate has been drawn; then a scan is. Both draw from the same distribution.
  static constexpr int kAttempts = 16;
  static constexpr double kCancels = 1e-6;

  std::int32_t drawn_from(const Lane& lane, std::uint64_t bits) const {
    const std::uint64_t place = ((bits >> 32) * static_cast<std::uint64_t>(lane.size)) >> 32;
    const Slot& slot = slots_[static_cast<std::size_t>(lane.first) + place];
    return static_cast<std::uint32_t>(bits) < slot.threshold ? slot.own : slot.other;
  }

  void add_lane(std::span<const std::int32_t> members);
  void restart_stamps();
  std::int32_t draw_by_scan(int group, detail::TokenRandom& random);
  double rate_by_scan(int group) const;

  std::vector<double> popularity_;
  std::vector<Lane> lanes_;
  std::vector<Slot> slots_;
  std::vector<double> rate_after_;       // [experts]
  std::vector<float> wait_after_;        // [experts]
  std::vector<std::uint32_t> drawn_by_;  // [experts] the last token that drew it
  std::uint32_t token_ = 0;
  bool even_ = true;
};

}  // namespace moesim
