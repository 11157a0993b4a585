// Who is popular from layer to layer and from step to step; recorded loads.
#include "models/routing/load_sequence.hpp"

#include <numbers>
#include <numeric>

#include "models/routing/popularity.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

// Spearman's: the correlation of two permutations.
double rank_correlation(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  const auto n = static_cast<double>(a.size());
  double squares = 0;
  for (std::size_t e = 0; e < a.size(); ++e) squares += (a[e] - b[e]) * static_cast<double>(a[e] - b[e]);
  return 1 - 6 * squares / (n * (n * n - 1));
}

TEST_CASE("orders of layers and steps are as alike as asked", "[oracle]") {
  // For normal variables of correlation r Spearman's is 6 / pi * asin(r / 2) (Pearson 1907). Of N = 2,000 places it has
  // a standard error of at most 1 / sqrt(N - 1), and 5 of them are room for 702 comparisons of the same draws.
  constexpr int kExperts = 2000;
  const double correlation = GENERATE(0.0, 0.3, 0.9, 1.0);
  const double drift = GENERATE(0.0, 0.2, 1.0);
  CAPTURE(correlation, drift);
  PopularityWalk walk(kExperts, 4, correlation, drift, 7);
  std::vector<std::vector<std::int32_t>> places;  // [step * 4 + layer]
  for (int step = 0; step < 3; ++step) {
    for (int layer = 0; layer < 4; ++layer) places.push_back(walk.places(layer));
    walk.next_step();
  }
  for (int a = 0; a < 12; ++a) {
    for (int b = a; b < 12; ++b) {
      const int layers = std::abs(a % 4 - b % 4);
      const int steps = b / 4 - a / 4;
      const double r = std::pow(correlation, layers) * std::pow(1 - drift, steps);
      CAPTURE(a, b);
      CHECK(rank_correlation(places[static_cast<std::size_t>(a)], places[static_cast<std::size_t>(b)]) ==
            Approx(6 / std::numbers::pi * std::asin(r / 2)).margin(5 / std::sqrt(kExperts - 1.0)));
    }
  }
}

TEST_CASE("layer 0 in step 0 is what a batch alone routes", "[property]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 64, 2);
  spec.skew = {SkewKind::zipf, 1.0, 0.5, 0.1};
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const auto placement = place_experts(PlacementKind::contiguous, 64, 4);
  LoadSequence loads(spec, layout, placement, 300, 3, 9);
  const RoutedBatch first = route_batch(spec, layout, placement, loads.load(0));
  CHECK(first.expert_tokens == test::route(spec, layout, 300, 9).expert_tokens);
  CHECK(loads.load(0).popularity == expert_popularity(spec, placement, 1200, 9));
  // Other layers and steps have the same shape, other tokens, and the same again when asked again.
  const RoutedBatch other = route_batch(spec, layout, placement, loads.load(2));
  CHECK(other.expert_tokens != first.expert_tokens);
  CHECK(other.expert_tokens == route_batch(spec, layout, placement, loads.load(2)).expert_tokens);
  loads.next_step();
  const LayerLoad later = loads.load(0);
  CHECK(later.seed != 9);
  auto sorted = later.popularity;
  auto before = expert_popularity(spec, placement, 1200, 9);
  std::sort(sorted.begin(), sorted.end());
  std::sort(before.begin(), before.end());
  CHECK(sorted == before);
}

TEST_CASE("without drift the popular experts stay while tokens are drawn anew", "[property]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 64, 2);
  spec.skew = {SkewKind::lognormal, 1.0};
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const auto placement = place_experts(PlacementKind::contiguous, 64, 4);
  LoadSequence loads(spec, layout, placement, 300, 2, 9);
  const LayerLoad before = loads.load(1);
  loads.next_step();
  CHECK(loads.load(1).popularity == before.popularity);
  CHECK(loads.load(1).seed != before.seed);
}

TEST_CASE("recorded loads come out of an unrestricted top-k", "[oracle]") {
  // Rosen's limit is exact for k = 1 and for many experts. With N = 64 it is within 1.5 % of an expert's chance here,
  // beside 4.5 standard errors of its count.
  const int top_k = GENERATE(1, 2, 8);
  CAPTURE(top_k);
  RouterSpec spec = test::router(RoutingKind::top_k, 64, top_k);
  ExpertLoads loads{.steps = 1, .layers = 1, .experts = 64, .values = {}};
  for (int e = 0; e < 64; ++e) loads.values.push_back(10 + (e * 37) % 64);  // Up to 1.76 times the mean.
  spec.skew.kind = SkewKind::loads;
  spec.loads = std::make_shared<const ExpertLoads>(loads);
  const RoutedBatch batch = test::route(spec, {.ranks = 4, .ranks_per_node = 2}, 50'000, 2);
  const double sum = std::accumulate(loads.values.begin(), loads.values.end(), 0.0);
  for (std::size_t e = 0; e < 64; ++e) {
    const double expected = loads.values[e] / sum * 200'000 * top_k;
    CAPTURE(e);
    CHECK(static_cast<double>(batch.expert_tokens[e]) ==
          Approx(expected).margin(4.5 * std::sqrt(expected) + (top_k == 1 ? 0 : 0.015 * expected)));
  }
}

TEST_CASE("an expert cannot be given more than one choice of every token", "[oracle]") {
  const std::vector<double> p = popularity_of_loads(std::vector<double>{97, 1, 1, 1}, 2);
  CHECK(p[0] > 0.9);
  CHECK(std::accumulate(p.begin(), p.end(), 0.0) == Approx(1));
  // What is asked for is within reach: three of four tokens' shares, 2 * 0.25 = 1/2 each, are equal popularities.
  for (const double x : popularity_of_loads(std::vector<double>{5, 5, 5, 5}, 2)) CHECK(x == Approx(0.25));
}

TEST_CASE("recorded experts are sent to as recorded", "[oracle]") {
  // Two steps of one layer, three tokens, k = 2, on two ranks of two experts.
  RouterSpec spec = test::router(RoutingKind::recorded, 4, 2);
  spec.recorded = std::make_shared<const RecordedIds>(RecordedIds{
      .steps = 2, .layers = 1, .tokens = 3, .top_k = 2, .ids = {0, 1, 0, 2, 3, 2, /* step 1 */ 1, 3, 1, 0, 1, 2}});
  const RankLayout layout{.ranks = 2, .ranks_per_node = 1};
  const auto placement = place_experts(PlacementKind::contiguous, 4, 2);
  LoadSequence loads(spec, layout, placement, 2, 1, 1);
  const RoutedBatch batch = route_batch(spec, layout, placement, loads.load(0));
  // Rank 0 has tokens 0 and 1, rank 1 token 2 and token 0 again.
  CHECK(batch.expert_tokens == std::vector<std::int64_t>{3, 2, 2, 1});
  CHECK(batch.expert_copies.at(0, 0) == 3);
  CHECK(batch.expert_copies.at(0, 1) == 1);
  CHECK(batch.expert_copies.at(1, 0) == 2);
  CHECK(batch.rank_copies.at(1, 1) == 1);
  loads.next_step();
  CHECK(route_batch(spec, layout, placement, loads.load(0)).expert_tokens == std::vector<std::int64_t>{1, 4, 1, 2});
  // A capacity of one choice an expert and batch: first choices first.
  spec.capacity = Capacity{.factor = 0.5, .scope = Capacity::Scope::batch};
  const RoutedBatch dropped = test::route(spec, layout, 2, 1);
  CHECK(dropped.expert_tokens == std::vector<std::int64_t>{1, 1, 1, 1});
  CHECK(dropped.dropped_copies == 4);
  CHECK(dropped.retained_gate_mass == Approx(0.5));  // Every choice weighs the same.

  spec.num_experts = 3;
  CHECK_THAT(router_error(spec, {.ranks = 1, .ranks_per_node = 1}, 4).value_or(""), ContainsSubstring("expert 3"));
  spec.num_experts = 4;
  spec.top_k = 1;
  CHECK_THAT(router_error(spec, layout, 4).value_or(""), ContainsSubstring("2 experts a token"));
}

}  // namespace
}  // namespace moesim
