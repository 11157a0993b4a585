// Group-limited top-k: a group's score is the sum of the two best keys (score + bias) in it; the `groups_kept` best
// groups stay, and the token takes the top-k of their experts. With the nodes as groups this is node-limited routing.
// DeepSeek-AI, "DeepSeek-V3 Technical Report" (2024), section 2.1.2, and the model's public inference code.
#include <algorithm>
#include <bit>
#include <limits>

#include "models/routing/policies/policies.hpp"
#include "models/routing/scores.hpp"

namespace moesim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A non-negative value and a group in one word: words compare as the values do, and equal values by group. The least
// (or greatest) of a few is then found without a branch, where a comparison of random numbers would mispredict.
class Ranked {
 public:
  Ranked() = default;
  Ranked(float value, std::size_t group) : word_(std::uint64_t{std::bit_cast<std::uint32_t>(value)} << 32 | group) {}
  float value() const { return std::bit_cast<float>(static_cast<std::uint32_t>(word_ >> 32)); }
  std::size_t group() const { return static_cast<std::uint32_t>(word_); }
  std::uint64_t word() const { return word_; }

 private:
  std::uint64_t word_ = 0;
};

constexpr float kNever = std::numeric_limits<float>::infinity();

Ranked least(std::span<const Ranked> values) {
  Ranked best = values[0];
  for (const Ranked value : values.subspan(1)) best = value.word() < best.word() ? value : best;
  return best;
}

Ranked greatest(std::span<const Ranked> values) {
  Ranked best = values[0];
  for (const Ranked value : values.subspan(1)) best = value.word() > best.word() ? value : best;
  return best;
}

// One group's arrivals for the token at hand.
struct GroupRace {
  double rate;           // Of the experts that come after those drawn.
  float second;          // Time of the second arrival; kNever in a group of one.
  std::int32_t best;     // The first arrival.
  std::int32_t drawn;    // Experts drawn so far.
  std::int32_t arrived;  // Arrivals merged so far.
  bool kept;
};

class GroupLimited final : public RoutingPolicy {
 public:
  GroupLimited(const RouterSpec& router, const ExpertGroups& groups)
      : router_(router),
        members_(groups.members()),
        groups_(members_.size()),
        kept_(std::min(static_cast<std::size_t>(router.groups_kept), groups_)),
        sigmoid_(router.scoring == Scoring::sigmoid ? 1.0f : 0.0f) {}

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

  bool can_sample() const override { return router_.bias.empty(); }

  void sample(ExpertRace& race, std::size_t tokens, detail::TokenRandom& random, Choices& choices) const override {
    Scratch scratch(groups_);
    const auto k = static_cast<std::size_t>(router_.top_k);
    std::size_t slot = choices.append(tokens, router_.top_k);
    for (std::size_t token = 0; token < tokens; ++token, slot += k) {
      race.start_token();
      start_groups(race, random, scratch);
      keep_groups(scratch);
      merge(race, random, scratch, slot, choices);
    }
  }

 private:
  struct Scratch {
    explicit Scratch(std::size_t groups) : races(groups), next(groups), scores(groups) {}
    std::vector<GroupRace> races;
    std::vector<Ranked> next;    // [groups] time of the group's next arrival
    std::vector<Ranked> scores;  // [groups]
  };

  float score(float time) const { return 1 / (time + sigmoid_); }

  void rule_out_groups(std::span<double> keys) const {
    std::vector<double> group_scores(groups_);
    for (std::size_t g = 0; g < groups_; ++g) {
      double best = -kInfinity;
      double second = -kInfinity;
      for (const std::int32_t e : members_[g]) {
        const double key = keys[static_cast<std::size_t>(e)];
        second = std::max(second, std::min(best, key));
        best = std::max(best, key);
      }
      group_scores[g] = members_[g].size() > 1 ? best + second : best;
    }
    std::vector<std::int32_t> kept(kept_);
    top_indices(group_scores, kept);
    for (std::size_t g = 0; g < groups_; ++g) {
      if (std::find(kept.begin(), kept.end(), static_cast<std::int32_t>(g)) != kept.end()) continue;
      for (const std::int32_t e : members_[g]) keys[static_cast<std::size_t>(e)] = -kInfinity;
    }
  }

  // The first two arrivals of every group.
  void start_groups(ExpertRace& race, detail::TokenRandom& random, Scratch& scratch) const {
    for (std::size_t g = 0; g < groups_; ++g) {
      const auto group = static_cast<int>(g);
      const std::int32_t best = race.draw(group, random);
      const double rate = race.rate(group);
      const float first = random.exponential() / static_cast<float>(rate);
      float sum = score(first);
      GroupRace one{.rate = 0, .second = kNever, .best = best, .drawn = 1, .arrived = 0, .kept = false};
      if (race.size(group) > 1) {
        one.rate = race.rate_without(group, rate, best);
        one.second = first + random.exponential() / static_cast<float>(one.rate);
        sum += score(one.second);
      }
      scratch.races[g] = one;
      scratch.next[g] = {first, g};
      scratch.scores[g] = {sum, g};
    }
  }

  void keep_groups(Scratch& scratch) const {
    for (std::size_t i = 0; i < kept_; ++i) {
      const std::size_t best = greatest(scratch.scores).group();
      scratch.races[best].kept = true;
      scratch.scores[best] = {};
    }
  }

  // Merges the groups' arrivals in time: the first k of all groups are the free top-k, the first k of the groups that
  // were kept are the token's experts.
  void merge(ExpertRace& race, detail::TokenRandom& random, Scratch& scratch, std::size_t slot,
             Choices& choices) const {
    const std::size_t first_slot = slot;
    const std::size_t last_slot = slot + static_cast<std::size_t>(router_.top_k);
    float free = 0;
    float kept = 0;
    for (int arrivals = 0; slot < last_slot; ++arrivals) {
      if (arrivals == router_.top_k) drop_others(scratch);
      const Ranked next = least(scratch.next);
      const std::size_t g = next.group();
      const float value = score(next.value());
      GroupRace& one = scratch.races[g];
      if (arrivals < router_.top_k) free += value;
      const std::int32_t expert = one.arrived == 0 ? one.best : draw(race, g, one, random);
      if (one.kept) {
        kept += value;
        choices.experts[slot] = expert;
        if (choices.with_shares) choices.shares[slot] = value;
        ++slot;
      }
      scratch.next[g] = {arrival_after(race, g, one, next.value(), random), g};
    }
    choices.lost_share += 1 - static_cast<double>(kept) / static_cast<double>(free);
    if (choices.with_shares) {
      for (std::size_t i = first_slot; i < last_slot; ++i) choices.shares[i] /= free;
    }
  }

  static void drop_others(Scratch& scratch) {
    for (std::size_t g = 0; g < scratch.races.size(); ++g) {
      if (!scratch.races[g].kept) scratch.next[g] = {kNever, g};
    }
  }

  static std::int32_t draw(ExpertRace& race, std::size_t g, GroupRace& one, detail::TokenRandom& random) {
    const auto group = static_cast<int>(g);
    const std::int32_t expert = race.draw(group, random);
    ++one.drawn;
    if (one.drawn < race.size(group)) one.rate = race.rate_without(group, one.rate, expert);
    return expert;
  }

  static float arrival_after(const ExpertRace& race, std::size_t g, GroupRace& one, float time,
                             detail::TokenRandom& random) {
    ++one.arrived;
    if (one.arrived == 1) return one.second;
    if (one.arrived >= race.size(static_cast<int>(g))) return kNever;
    return time + random.exponential() / static_cast<float>(one.rate);
  }

  RouterSpec router_;
  std::vector<std::vector<std::int32_t>> members_;  // [groups][..] experts
  std::size_t groups_;
  std::size_t kept_;
  float sigmoid_;  // A score is 1 / (time + sigmoid_).
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_group_limited(const RouterSpec& router, const ExpertGroups& groups) {
  return std::make_unique<GroupLimited>(router, groups);
}

}  // namespace moesim
