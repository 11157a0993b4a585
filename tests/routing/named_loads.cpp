// The named workloads against what their definitions say of loads and sources.
#include "models/routing/named_loads.hpp"

#include <numeric>
#include <set>

#include "models/routing/load_sequence.hpp"
#include "models/routing/popularity.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

constexpr int kExperts = 32;
constexpr int kTopK = 4;
constexpr RankLayout kLayout{.ranks = 8, .ranks_per_node = 2};

RouterSpec named(SkewKind kind) {
  RouterSpec spec = test::router(RoutingKind::top_k, kExperts, kTopK);
  spec.skew.kind = kind;
  return spec;
}

RoutedBatch in_step(const RouterSpec& spec, int step, std::int64_t tokens_per_rank = 2000, std::uint64_t seed = 3) {
  const auto placement = place_experts(PlacementKind::contiguous, spec.num_experts, kLayout.ranks);
  LoadSequence loads(spec, kLayout, placement, tokens_per_rank, 1, seed);
  for (int i = 0; i < step; ++i) loads.next_step();
  return route_batch(spec, kLayout, placement, loads.load(0));
}

std::set<int> above(const RoutedBatch& batch, double times_mean) {
  std::set<int> experts;
  const double mean = static_cast<double>(batch.tokens) * kTopK / kExperts;
  for (int e = 0; e < kExperts; ++e) {
    if (static_cast<double>(batch.expert_tokens[static_cast<std::size_t>(e)]) > times_mean * mean) experts.insert(e);
  }
  return experts;
}

// H = 8 of 32 experts. Of four tokens three give all their choices to the hot set and one gives H / N of them, so that
// a hot expert has (3/4 + 1/4 * 1/4) * k T / H, 3.25 times the mean, and a cold one 1/4 * k T / N, a quarter of it.
constexpr double kHot = 3.25;

TEST_CASE("dealt in turn, every expert has exactly the same load, whatever the ranks hold", "[oracle]") {
  const RoutedBatch batch = in_step(named(SkewKind::w0_balanced), 0, 20);  // 8 * 20 * 4 = 20 * 32
  for (const std::int64_t load : batch.expert_tokens) CHECK(load == 20);
  // 5 tokens a rank end in the midst of a round: the next rank goes on where the last one ended.
  const RoutedBatch few = in_step(named(SkewKind::w0_balanced), 0, 5);
  const auto [least, most] = std::minmax_element(few.expert_tokens.begin(), few.expert_tokens.end());
  CHECK(*most == *least);
  CHECK(few.retained_gate_mass == 1);
}

TEST_CASE("the hot experts of w1, w2, w3 and w6 have the load of the definition", "[oracle]") {
  const auto kind =
      GENERATE(SkewKind::w1_hot_experts, SkewKind::w2_hot_rank, SkewKind::w3_spread, SkewKind::w6_rotating);
  const RoutedBatch batch = in_step(named(kind), 0);
  const std::set<int> hot = above(batch, 1);
  CHECK(hot.size() == 8);
  const double mean = static_cast<double>(batch.tokens) * kTopK / kExperts;
  // An expert's count over tokens is at most binomial: standard error below sqrt(count).
  for (int e = 0; e < kExperts; ++e) {
    const double expected = mean * (hot.count(e) == 1 ? kHot : 0.25);
    CHECK(static_cast<double>(batch.expert_tokens[static_cast<std::size_t>(e)]) ==
          Approx(expected).margin(4.5 * std::sqrt(expected)));
  }
  if (kind == SkewKind::w2_hot_rank) CHECK(hot == std::set<int>{0, 1, 2, 3, 4, 5, 6, 7});
  if (kind == SkewKind::w3_spread) CHECK(hot == std::set<int>{0, 4, 8, 12, 16, 20, 24, 28});
  if (kind == SkewKind::w1_hot_experts) CHECK(hot != above(in_step(named(kind), 0, 2000, 4), 1));
  if (kind == SkewKind::w1_hot_experts) CHECK(hot == above(in_step(named(kind), 5), 1));  // It stays.
}

TEST_CASE("w2's hot experts are those of the first ranks, wherever the placement puts them", "[oracle]") {
  const RouterSpec spec = named(SkewKind::w2_hot_rank);
  const auto placement = place_experts(PlacementKind::strided, kExperts, kLayout.ranks);
  const LoadSequence loads(spec, kLayout, placement, 2000, 1, 3);
  const RoutedBatch batch = route_batch(spec, kLayout, placement, loads.load(0));
  CHECK(above(batch, 1) == std::set<int>{0, 1, 8, 9, 16, 17, 24, 25});  // Ranks 0 and 1: e mod 8.
}

TEST_CASE("w3 spreads over all ranks the heat that w2 puts on two", "[oracle]") {
  const auto busiest = [](const RoutedBatch& batch) {
    std::int64_t most = 0;
    for (int rank = 0; rank < 8; ++rank) {
      const auto first = batch.expert_tokens.begin() + 4 * rank;
      most = std::max(most, std::accumulate(first, first + 4, std::int64_t{0}));
    }
    return static_cast<double>(most) * 8 / (static_cast<double>(batch.tokens) * kTopK);
  };
  CHECK(busiest(in_step(named(SkewKind::w2_hot_rank), 0)) == Approx(3.25).margin(0.05));
  CHECK(busiest(in_step(named(SkewKind::w3_spread), 0)) == Approx(1).margin(0.05));
}

TEST_CASE("w4's sources are a ramp, its experts even", "[oracle]") {
  for (const std::int64_t tokens : {1, 2, 1000, 4096, 1'000'003}) {
    const std::vector<std::int64_t> ramp = ragged_tokens(8, tokens);
    CHECK(std::accumulate(ramp.begin(), ramp.end(), std::int64_t{0}) == 8 * tokens);
    for (std::size_t r = 0; r < 8; ++r) {
      // (2 r + 1) / P times the mean, up to rounding.
      CHECK(static_cast<double>(ramp[r]) ==
            Approx(static_cast<double>(tokens) * (2 * static_cast<double>(r) + 1) / 8).margin(1));
    }
  }
  const RoutedBatch batch = in_step(named(SkewKind::w4_ragged_sources), 0);
  CHECK(batch.source_tokens == ragged_tokens(8, 2000));
  CHECK(above(batch, 1.1).empty());
}

TEST_CASE("w5 leaves the first half of the experts idle, and the others have twice the mean", "[oracle]") {
  const RoutedBatch batch = in_step(named(SkewKind::w5_zero_load), 0);
  for (std::size_t e = 0; e < 16; ++e) CHECK(batch.expert_tokens[e] == 0);
  for (std::size_t e = 16; e < 32; ++e) {
    CHECK(static_cast<double>(batch.expert_tokens[e]) == Approx(4000).margin(4.5 * std::sqrt(4000)));
  }
}

TEST_CASE("w6 moves on every three steps, w7 bursts in every fourth", "[oracle]") {
  for (int step = 0; step < 14; ++step) {
    CAPTURE(step);
    const int first = step / 3 * 8 % kExperts;
    std::set<int> hot;
    for (int i = 0; i < 8; ++i) hot.insert(first + i);
    CHECK(above(in_step(named(SkewKind::w6_rotating), step), 1.2) == hot);
    // Half of the tokens give all, the others a quarter: (1/2 + 1/8) * N / H = 2.5 times the mean.
    const std::set<int> burst = above(in_step(named(SkewKind::w7_burst), step), 2.3);
    CHECK(burst == (step % 4 == 3 ? std::set<int>{0, 1, 2, 3, 4, 5, 6, 7} : std::set<int>{}));
  }
}

TEST_CASE("named workloads conserve copies under every router, and both paths load the same", "[property]") {
  const auto kind = GENERATE(SkewKind::w1_hot_experts, SkewKind::w2_hot_rank, SkewKind::w3_spread,
                             SkewKind::w4_ragged_sources, SkewKind::w5_zero_load, SkewKind::w6_rotating);
  const auto routing = GENERATE(RoutingKind::top_k, RoutingKind::node_limited, RoutingKind::noisy_top_k);
  RouterSpec spec = named(kind);
  spec.kind = routing;
  spec.groups_kept = 2;
  spec.scoring = Scoring::sigmoid;
  CAPTURE(static_cast<int>(kind), name(routing));
  const RoutedBatch a = test::route(spec, kLayout, 500, 5, RoutingPath::sampled);
  const RoutedBatch b = test::route(spec, kLayout, 500, 5, RoutingPath::logits);
  for (const RoutedBatch* batch : {&a, &b}) {
    CHECK(batch->tokens == 4000);
    CHECK(std::accumulate(batch->expert_tokens.begin(), batch->expert_tokens.end(), std::int64_t{0}) == 16'000);
  }
  // As in race.cpp: chi-squared of two samples, wide enough for choices that go together.
  double chi_squared = 0;
  for (std::size_t e = 0; e < kExperts; ++e) {
    const auto both = static_cast<double>(a.expert_tokens[e] + b.expert_tokens[e]);
    const auto difference = static_cast<double>(a.expert_tokens[e] - b.expert_tokens[e]);
    chi_squared += both == 0 ? 0 : difference * difference / both;
  }
  CHECK(chi_squared < kExperts + 7 * std::sqrt(2.0 * kExperts));
}

TEST_CASE("named workloads that a router cannot follow are refused", "[oracle]") {
  RouterSpec spec = named(SkewKind::w0_balanced);
  spec.kind = RoutingKind::node_limited;
  spec.groups_kept = 2;
  CHECK_THAT(router_error(spec, kLayout, 1).value_or(""), ContainsSubstring("in turn"));
  spec = named(SkewKind::w5_zero_load);
  spec.top_k = 17;
  CHECK_THAT(router_error(spec, kLayout, 1).value_or(""), ContainsSubstring("only 16 experts"));
}

}  // namespace
}  // namespace moesim
