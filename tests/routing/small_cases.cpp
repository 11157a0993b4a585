// Policies on cases so small that every way in which the tokens can rank the experts is tried: the rule is applied to
// each as it is written down, and the chances of all loads add up to their exact distribution.
#include <array>
#include <functional>
#include <numeric>

#include "models/routing/batch_router.hpp"
#include "tests/catch.hpp"
#include "tests/routing/chi_squared.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

using test::Outcome;

// The sampled path is seen some 4,000 times and the logits path some 1,500 times; each comparison cries wolf with a
// chance of 1e-6, some forty of them.
constexpr double kFalseAlarm = 1e-6;

const std::vector<double> kPopularity = {0.4, 0.3, 0.2, 0.1};
constexpr int kExperts = 4;

using Ranking = std::array<int, kExperts>;  // Experts, best first.
using Rankings = std::vector<Ranking>;      // One a row.

// Plackett-Luce.
double chance_of(const Ranking& ranking) {
  double left = 1;
  double chance = 1;
  for (const int e : ranking) {
    chance *= kPopularity[static_cast<std::size_t>(e)] / left;
    left -= kPopularity[static_cast<std::size_t>(e)];
  }
  return chance;
}

std::vector<Ranking> all_rankings() {
  Ranking ranking{};
  std::iota(ranking.begin(), ranking.end(), 0);
  std::vector<Ranking> rankings;
  do {
    rankings.push_back(ranking);
  } while (std::next_permutation(ranking.begin(), ranking.end()));
  return rankings;
}

using Rule = std::function<Outcome(const Rankings&)>;  // The loads that follow, and what else the case counts.

std::map<Outcome, double> exact_chances(int rows, const Rule& rule) {
  const std::vector<Ranking> all = all_rankings();
  std::map<Outcome, double> chances;
  Rankings rankings(static_cast<std::size_t>(rows));
  const std::function<void(std::size_t, double)> choose = [&](std::size_t row, double chance) {
    if (row == rankings.size()) {
      chances[rule(rankings)] += chance;
      return;
    }
    for (const Ranking& ranking : all) {
      rankings[row] = ranking;
      choose(row + 1, chance * chance_of(ranking));
    }
  };
  choose(0, 1);
  return chances;
}

// What the library does: `seen` batches, each from a seed of its own.
std::map<Outcome, std::int64_t> counted(const RouterSpec& spec, std::int64_t tokens, RoutingPath path, int seen,
                                        const std::function<Outcome(const RoutedBatch&)>& outcome) {
  const RankLayout layout{.ranks = 2, .ranks_per_node = 1};
  const auto home = place_experts(PlacementKind::contiguous, kExperts, layout.ranks);
  std::map<Outcome, std::int64_t> counts;
  for (int i = 0; i < seen; ++i) {
    LayerLoad load;
    load.tokens_per_rank = {tokens, 0};
    load.popularity = kPopularity;
    load.seed = static_cast<std::uint64_t>(i + 1);
    load.gate_seed = 1;
    ++counts[outcome(route_batch(spec, layout, home, load, path))];
  }
  return counts;
}

Outcome loads_and_drops(const RoutedBatch& batch) {
  Outcome outcome = batch.expert_tokens;
  outcome.push_back(batch.dropped_copies);
  outcome.push_back(batch.rerouted_copies);
  return outcome;
}

void compare(const RouterSpec& spec, std::int64_t tokens, const Rule& rule,
             const std::function<Outcome(const RoutedBatch&)>& outcome = loads_and_drops) {
  const auto exact = exact_chances(static_cast<int>(tokens) * spec.sub_tokens.parts, rule);
  CAPTURE(exact.size());
  CHECK(exact.size() > 1);
  for (const RoutingPath path : {RoutingPath::sampled, RoutingPath::logits}) {
    CAPTURE(name(path));
    const int seen = path == RoutingPath::sampled ? 4000 : 1500;
    CHECK(test::pearson_tail(counted(spec, tokens, path, seen, outcome), exact) > kFalseAlarm);
  }
}

// The loads if the pairs come in this order, (row, its rank among the row's choices), and each expert accepts `slots`.
enum class Then { drop, next, least_loaded };
Outcome loads_of(const Rankings& rankings, int top_k, const std::vector<std::pair<int, int>>& order, int slots,
                 Then then) {
  Outcome load(kExperts);
  std::vector<std::vector<int>> has(rankings.size());
  std::vector<std::pair<int, int>> refused;
  for (const auto& [row, place] : order) {
    const int e = rankings[static_cast<std::size_t>(row)][static_cast<std::size_t>(place)];
    if (load[static_cast<std::size_t>(e)] < slots) {
      ++load[static_cast<std::size_t>(e)];
      has[static_cast<std::size_t>(row)].push_back(e);
    } else {
      refused.emplace_back(row, place);
    }
  }
  std::int64_t rerouted = 0;
  for (const auto& [row, place] : refused) {
    if (then == Then::drop) break;
    auto& own = has[static_cast<std::size_t>(row)];
    std::vector<int> open;  // In the row's order of preference.
    for (const int e : rankings[static_cast<std::size_t>(row)]) {
      if (load[static_cast<std::size_t>(e)] < slots && std::find(own.begin(), own.end(), e) == own.end()) {
        open.push_back(e);
      }
    }
    if (open.empty()) continue;
    int to = open.front();
    if (then == Then::least_loaded) {
      std::sort(open.begin(), open.end());
      to = *std::min_element(open.begin(), open.end(), [&](int a, int b) {
        return load[static_cast<std::size_t>(a)] < load[static_cast<std::size_t>(b)];
      });
    }
    ++load[static_cast<std::size_t>(to)];
    own.push_back(to);
    ++rerouted;
  }
  std::int64_t computed = 0;
  for (const std::int64_t count : load) computed += count;
  load.push_back(std::ssize(rankings) * top_k - computed);
  load.push_back(rerouted);
  return load;
}

// All first choices before all second ones, rows in order.
std::vector<std::pair<int, int>> by_position(int rows, int top_k) {
  std::vector<std::pair<int, int>> order;
  for (int place = 0; place < top_k; ++place) {
    for (int row = 0; row < rows; ++row) order.emplace_back(row, place);
  }
  return order;
}

RouterSpec with_capacity(int top_k, double factor, Capacity::Overflow overflow) {
  RouterSpec spec = test::router(top_k == 1 ? RoutingKind::top_1 : RoutingKind::top_k, kExperts, top_k);
  spec.scoring = Scoring::sigmoid;
  spec.capacity = Capacity{.factor = factor, .scope = Capacity::Scope::rank};
  spec.capacity->overflow = overflow;
  return spec;
}

TEST_CASE("what overflows is dropped, goes to the next choice, or to the least loaded: exact loads", "[oracle]") {
  const auto [overflow, then] =
      GENERATE(std::pair(Capacity::Overflow::drop, Then::drop), std::pair(Capacity::Overflow::reroute, Then::next),
               std::pair(Capacity::Overflow::least_loaded, Then::least_loaded));
  CAPTURE(static_cast<int>(overflow));
  SECTION("one choice, four tokens, two a place") {
    compare(with_capacity(1, 2, overflow), 4,
            [=](const Rankings& r) { return loads_of(r, 1, by_position(4, 1), 2, then); });
  }
  SECTION("two choices, three tokens, two a place") {
    // floor(3 * 2 / 4) = 1, times two.
    compare(with_capacity(2, 2, overflow), 3,
            [=](const Rankings& r) { return loads_of(r, 2, by_position(3, 2), 2, then); });
  }
  SECTION("two choices, two tokens, one a place: nobody may get an expert twice") {
    compare(with_capacity(2, 1, overflow), 2,
            [=](const Rankings& r) { return loads_of(r, 2, by_position(2, 2), 1, then); });
  }
}

TEST_CASE("in which order one choice a token is heard does not change the loads", "[oracle]") {
  // Whether the first token or the one with the highest score is accepted: tokens are alike, and how high a score is
  // says nothing of whose it is, nor of what comes next.
  const auto [overflow, then] =
      GENERATE(std::pair(Capacity::Overflow::drop, Then::drop), std::pair(Capacity::Overflow::reroute, Then::next));
  RouterSpec spec = with_capacity(1, 1, overflow);
  spec.capacity->order = Capacity::Order::score;
  compare(spec, 4, [=](const Rankings& r) { return loads_of(r, 1, by_position(4, 1), 1, then); });
}

TEST_CASE("a capacity of sequences counts within each of them: exact loads", "[oracle]") {
  // Two sequences of two tokens; an expert takes one of each.
  const auto [overflow, then] =
      GENERATE(std::pair(Capacity::Overflow::drop, Then::drop), std::pair(Capacity::Overflow::reroute, Then::next));
  RouterSpec spec = with_capacity(1, 1, overflow);
  spec.capacity->scope = Capacity::Scope::sequence;
  spec.sequence_length = 2;
  compare(spec, 4, [=](const Rankings& r) {
    Outcome both(kExperts + 2);
    for (const int first : {0, 2}) {
      const Outcome one = loads_of(Rankings(r.begin() + first, r.begin() + first + 2), 1, by_position(2, 1), 1, then);
      for (std::size_t i = 0; i < both.size(); ++i) both[i] += one[i];
    }
    return both;
  });
}

TEST_CASE("device-limited: the device of the best expert, and the best experts on it: exact loads", "[oracle]") {
  // Two devices with two experts each, M = 1: of k = 1 that is the best expert, of k = 2 both of its device.
  const int top_k = GENERATE(1, 2);
  RouterSpec spec = test::router(RoutingKind::device_limited, kExperts, top_k);
  spec.groups_kept = 1;
  spec.group_score = GroupScore::best;
  compare(spec, 2, [=](const Rankings& r) {
    Outcome load(kExperts + 2);
    for (const Ranking& ranking : r) {
      int taken = 0;
      for (const int e : ranking) {
        if (e / 2 != ranking[0] / 2 || taken == top_k) continue;
        ++load[static_cast<std::size_t>(e)];
        ++taken;
      }
    }
    return load;
  });
}

TEST_CASE("parts of a token choose apart, and share no copy: exact copies", "[oracle]") {
  // One token of two parts, one expert a part; outcome: loads, and copies to the two ranks with and without merging.
  RouterSpec spec = test::router(RoutingKind::top_1, kExperts, 1);
  spec.sub_tokens.parts = 2;
  const auto copies = [](const RoutedBatch& batch) {
    Outcome outcome = batch.expert_tokens;
    for (int to = 0; to < 2; ++to) {
      outcome.push_back(batch.expert_copies.at(0, to));
      outcome.push_back(batch.rank_copies.at(0, to));
      outcome.push_back(batch.node_copies.at(0, to));
    }
    return outcome;
  };
  const auto rule = [](const Rankings& r) {
    Outcome outcome(kExperts + 6);
    for (const Ranking& ranking : r) {
      ++outcome[static_cast<std::size_t>(ranking[0])];
      for (std::size_t i = 0; i < 3; ++i) ++outcome[kExperts + static_cast<std::size_t>(ranking[0] / 2) * 3 + i];
    }
    return outcome;
  };
  compare(spec, 1, rule, copies);
}

TEST_CASE("mixture of depths: every set of tokens is as likely to be kept, and the kept ones choose", "[oracle]") {
  // Half of four tokens are kept: the exact loads are those of two tokens.
  RouterSpec spec = test::router(RoutingKind::top_1, kExperts, 1);
  spec.mixture_of_depths = MixtureOfDepths{.share = 0.5};
  const auto rule = [](const Rankings& r) { return loads_of(r, 1, by_position(2, 1), 2, Then::drop); };
  const auto exact = exact_chances(2, rule);
  for (const RoutingPath path : {RoutingPath::sampled, RoutingPath::logits}) {
    CHECK(test::pearson_tail(counted(spec, 4, path, 3000, loads_and_drops), exact) > kFalseAlarm);
  }
  // The six pairs of four tokens.
  std::map<Outcome, double> pairs;
  for (std::int64_t a = 0; a < 4; ++a) {
    for (std::int64_t b = a + 1; b < 4; ++b) pairs[{a, b}] = 1.0 / 6;
  }
  for (const auto keep : {kept_by_scores, kept_by_counting}) {
    detail::TokenRandom random(3, 1);
    std::map<Outcome, std::int64_t> counts;
    for (int i = 0; i < 30'000; ++i) {
      Outcome kept;
      const std::vector<char> is_kept = keep({.first = 0, .tokens = 4, .kept = 2}, random);
      for (std::size_t token = 0; token < 4; ++token) {
        if (is_kept[token] != 0) kept.push_back(static_cast<std::int64_t>(token));
      }
      ++counts[kept];
    }
    CHECK(test::pearson_tail(counts, pairs) > kFalseAlarm);
  }
}

}  // namespace
}  // namespace moesim
