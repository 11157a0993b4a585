// The fast path of groups that are ranked by the sum of their two best scores: one race a group, two arrivals deep,
// then a merge of the races in time. Where the experts of each group are equally popular, who arrives does not matter
// for when the next one does: then the merge is of times alone, and only those are drawn that are chosen.
#include <bit>
#include <cstdint>
#include <limits>
#include <span>

#include "models/routing/policies/group_sampling.hpp"
#include "models/routing/scores.hpp"

namespace moesim::detail {
namespace {

// A non-negative value and a group in one word: words compare as the values do, and equal values by group. The least
// (or greatest) of a few is then found without a branch, where a comparison of random numbers would mispredict.
class Ranked {
 public:
  Ranked() = default;
  Ranked(float value, std::size_t group) : word_(std::uint64_t{std::bit_cast<std::uint32_t>(value)} << 32 | group) {}
  explicit Ranked(std::uint64_t word) : word_(word) {}
  float value() const { return std::bit_cast<float>(static_cast<std::uint32_t>(word_ >> 32)); }
  std::size_t group() const { return static_cast<std::uint32_t>(word_); }
  std::uint64_t word() const { return word_; }

 private:
  std::uint64_t word_ = 0;
};

constexpr float kNever = std::numeric_limits<float>::infinity();

// Lists of them are a multiple of this long, so that eight are compared at once: pairs, then pairs of pairs.
constexpr std::size_t kAtOnce = 8;

template <typename OfTwo>
Ranked best_of(std::span<const Ranked> values, OfTwo of_two) {
  const auto of_eight = [&](const Ranked* v) {
    const std::uint64_t a = of_two(v[0].word(), v[1].word());
    const std::uint64_t b = of_two(v[2].word(), v[3].word());
    const std::uint64_t c = of_two(v[4].word(), v[5].word());
    const std::uint64_t d = of_two(v[6].word(), v[7].word());
    return of_two(of_two(a, b), of_two(c, d));
  };
  std::uint64_t best = of_eight(values.data());
  for (std::size_t i = kAtOnce; i < values.size(); i += kAtOnce) best = of_two(best, of_eight(values.data() + i));
  return Ranked(best);
}

Ranked least(std::span<const Ranked> values) {
  return best_of(values, [](std::uint64_t a, std::uint64_t b) { return a < b ? a : b; });
}

Ranked greatest(std::span<const Ranked> values) {
  return best_of(values, [](std::uint64_t a, std::uint64_t b) { return a > b ? a : b; });
}

// The arrivals in one group for the token at hand: the next one is known, and the time of the one after it.
struct GroupRace {
  float after = 0;              // When the one after the next comes; kNever if there is none.
  std::int32_t kept = 0;        // 1 or 0.
  const float* wait = nullptr;  // Equally popular: the mean waits for the arrivals after that.
  // Else:
  double rate = 0;          // Of the experts that come after the next one.
  std::int32_t expert = 0;  // Who is next; when, is in GroupRaces::next.
  std::int32_t left = 0;    // How many experts come after that one.
};

// [groups, and what fills them up to whole lists of kAtOnce, which never arrives]
struct GroupRaces {
  explicit GroupRaces(const ExpertRace& race)
      : groups(static_cast<std::size_t>(race.groups())),
        padded((groups + kAtOnce - 1) / kAtOnce * kAtOnce),
        mean_wait(padded, kNever),
        wait_after(padded, 0),
        first(padded),
        second(padded),
        score(padded),
        race_of(padded),
        next(padded),
        ranking(padded) {
    for (int g = 0; g < race.groups(); ++g)
      mean_wait[static_cast<std::size_t>(g)] = static_cast<float>(1 / race.rate(g));
    if (race.is_even()) add_waits(race);
  }

  std::size_t groups;
  std::size_t padded;
  std::vector<float> mean_wait;   // For the first arrival,
  std::vector<float> wait_after;  // and from it to the second, given who came first.
  std::vector<float> first;       // Times of these two.
  std::vector<float> second;
  std::vector<float> score;
  std::vector<GroupRace> race_of;
  std::vector<Ranked> next;     // Time of the next arrival.
  std::vector<Ranked> ranking;  // The scores.
  // If all experts of a group are equally popular: mean waits for its first, second, .. arrival, and for ever once
  // nobody is left, group after group; where the group's third one stands.
  std::vector<float> waits;
  std::vector<std::size_t> third_wait;

 private:
  void add_waits(const ExpertRace& race) {
    waits.reserve(static_cast<std::size_t>(race.experts()) + 2 * groups);
    for (int g = 0; g < race.groups(); ++g) {
      const int size = race.size(g);
      third_wait.push_back(waits.size() + 2);
      for (int left = size; left > 0; --left) waits.push_back(static_cast<float>(size / (race.rate(g) * left)));
      waits.insert(waits.end(), 2, kNever);
      wait_after[static_cast<std::size_t>(g)] = waits[third_wait.back() - 1];
    }
  }
};

// `even`: the experts of each group are equally popular.
template <bool even>
class MergedRaces {
 public:
  MergedRaces(const RouterSpec& router, std::size_t kept)
      : router_(router), kept_(kept), sigmoid_(router.scoring == Scoring::sigmoid ? 1.0f : 0.0f) {}

  void sample(ExpertRace& race, GroupRaces& races, TokenRandom& random, std::size_t slot, Choices& choices) const {
    start_groups(race, random, races);
    keep_groups(races);
    merge(race, random, races, slot, choices);
  }

 private:
  float score(float time) const { return 1 / (time + sigmoid_); }

  // The first two arrivals of every group, in loops that become vector code.
  void start_groups(ExpertRace& race, TokenRandom& random, GroupRaces& races) const {
    for (std::size_t g = 0; g < races.groups; ++g) {
      GroupRace& one = races.race_of[g];
      one.kept = 0;
      if constexpr (even) {
        one.wait = races.waits.data() + races.third_wait[g];
        continue;
      }
      one.expert = race.draw_first(static_cast<int>(g), random);
      one.left = race.size(static_cast<int>(g)) - 1;
      one.rate = race.rate_after(one.expert);
      races.wait_after[g] = race.wait_after(one.expert);
    }
    for (std::size_t from = 0; from < races.padded; from += kAtOnce) {
      const float* const waits = random.exponentials(2 * kAtOnce).data();
      const float* const mean_wait = races.mean_wait.data() + from;
      const float* const wait_after = races.wait_after.data() + from;
      float* const first = races.first.data() + from;
      float* const second = races.second.data() + from;
      float* const score = races.score.data() + from;
      for (std::size_t i = 0; i < kAtOnce; ++i) first[i] = waits[i] * mean_wait[i];
      for (std::size_t i = 0; i < kAtOnce; ++i) second[i] = first[i] + waits[kAtOnce + i] * wait_after[i];
      for (std::size_t i = 0; i < kAtOnce; ++i) {
        score[i] = 1 / (first[i] + sigmoid_) + 1 / (second[i] + sigmoid_);
      }
    }
    for (std::size_t g = 0; g < races.padded; ++g) {
      races.race_of[g].after = races.second[g];
      races.next[g] = {races.first[g], g};
      races.ranking[g] = {races.score[g], g};
    }
  }

  void keep_groups(GroupRaces& races) const {
    for (std::size_t i = 0; i < kept_; ++i) {
      const std::size_t best = greatest(races.ranking).group();
      races.race_of[best].kept = 1;
      races.ranking[best] = {};
    }
  }

  // Merges the groups' arrivals in time: the first k of all groups are the free top-k, the first k of the groups that
  // were kept are the token's experts. Nothing branches on whose an arrival is, which no predictor could guess.
  void merge(ExpertRace& race, TokenRandom& random, GroupRaces& races, std::size_t first_slot, Choices& choices) const {
    const auto k = static_cast<std::size_t>(router_.top_k);
    std::int32_t* const experts = choices.experts.data() + first_slot;
    float* const shares = choices.with_shares ? choices.shares.data() + first_slot : nullptr;
    GroupRace* const race_of = races.race_of.data();
    const std::span<Ranked> all_next(races.next);
    Ranked* const next_of = all_next.data();
    std::size_t taken = 0;
    std::size_t arrivals = 0;
    float sum = 0;
    float free = 0;
    float kept = 0;
    for (const std::size_t last : {k, SIZE_MAX}) {
      for (; arrivals < last && taken < k; ++arrivals) {
        const Ranked next = least(all_next);
        const std::size_t g = next.group();
        GroupRace& one = race_of[g];
        const float value = score(next.value());
        sum += value;
        kept += value * static_cast<float>(one.kept);
        experts[taken] = even ? static_cast<std::int32_t>(g) : one.expert;  // Overwritten unless kept.
        if (shares != nullptr) shares[taken] = value;
        taken += static_cast<std::size_t>(one.kept);
        next_of[g] = {one.after, g};
        step(race, static_cast<int>(g), one, random);
      }
      if (last != k) break;
      free = sum;
      drop_others(races);
    }
    for (std::size_t i = 0; even && i < k; ++i) experts[i] = race.draw(experts[i], random);
    choices.lost_share += 1 - static_cast<double>(kept) / static_cast<double>(free);
    if (choices.with_weights) weigh_by_shares(router_, first_slot, kept, choices);
    for (std::size_t i = 0; shares != nullptr && i < k; ++i) shares[i] /= free;
  }

  // What came after the next arrival is the next one now.
  static void step(ExpertRace& race, int group, GroupRace& one, TokenRandom& random) {
    if constexpr (even) {
      one.after += random.exponential() * *one.wait++;
      return;
    }
    if (one.left == 0) return;
    one.expert = race.draw(group, random);
    if (--one.left == 0) {
      one.after = kNever;
      return;
    }
    one.rate = race.rate_without(group, one.rate, one.expert);
    one.after += random.exponential() / static_cast<float>(one.rate);
  }

  // No word is above one whose bits are all set.
  static void drop_others(GroupRaces& races) {
    for (std::size_t g = 0; g < races.groups; ++g) {
      const std::uint64_t never_if_dropped = static_cast<std::uint64_t>(races.race_of[g].kept) - 1;
      races.next[g] = Ranked(races.next[g].word() | never_if_dropped);
    }
  }

  const RouterSpec& router_;
  std::size_t kept_;
  float sigmoid_;  // A score is 1 / (time + sigmoid_).
};

template <bool even>
void sample_merged(const MergedRaces<even>& merged, std::size_t k, ExpertRace& race, std::size_t tokens,
                   TokenRandom& random, Choices& choices) {
  GroupRaces races(race);
  std::size_t slot = choices.append(tokens, static_cast<int>(k));
  for (std::size_t token = 0; token < tokens; ++token, slot += k) {
    race.start_token();
    merged.sample(race, races, random, slot, choices);
  }
}

}  // namespace

void weigh_by_shares(const RouterSpec& router, std::size_t first_slot, float sum, Choices& choices) {
  const float divisor = divides_by_sum(router) ? sum : 1;
  for (std::size_t i = first_slot; i < first_slot + static_cast<std::size_t>(router.top_k); ++i) {
    choices.weights[i] = choices.shares[i] / divisor;
  }
}

void sample_groups_by_best_two(const RouterSpec& router, std::size_t kept, ExpertRace& race, std::size_t tokens,
                               TokenRandom& random, Choices& choices) {
  const auto k = static_cast<std::size_t>(router.top_k);
  if (race.is_even()) {
    sample_merged(MergedRaces<true>(router, kept), k, race, tokens, random, choices);
  } else {
    sample_merged(MergedRaces<false>(router, kept), k, race, tokens, random, choices);
  }
}

}  // namespace moesim::detail
