#include "models/routing/popularity.hpp"

#include <numeric>

#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

std::vector<double> popularity(Skew skew, int experts, int top_k, std::int64_t tokens, std::uint64_t seed) {
  RouterSpec spec = test::router(RoutingKind::top_k, experts, top_k);
  spec.skew = skew;
  return expert_popularity(spec, place_experts(PlacementKind::contiguous, experts, experts / 4), tokens, seed);
}

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.rbegin(), values.rend());
  return values;
}

TEST_CASE("a popularity sums to one and has the same shape for every seed", "[property]") {
  const Skew skew = GENERATE(Skew{}, Skew{SkewKind::zipf, 1.2}, Skew{SkewKind::power_law, 0.8},
                             Skew{SkewKind::lognormal, 1.0}, Skew{SkewKind::hot_rank, 0.4}, Skew{SkewKind::zipf, 40.0});
  const auto one = popularity(skew, 64, 2, 10'000, 1);
  const auto other = popularity(skew, 64, 2, 10'000, 2);
  CHECK(std::accumulate(one.begin(), one.end(), 0.0) == Approx(1));
  CHECK(sorted(one).back() > 0.9 * kMinPopularity);
  CHECK(sorted(one) == sorted(other));
  const bool scattered = skew.kind != SkewKind::uniform && skew.kind != SkewKind::hot_rank;
  CHECK((one != other) == scattered);
}

TEST_CASE("zipf popularity falls with the power of the place", "[oracle]") {
  const auto p = sorted(popularity({SkewKind::zipf, 1.5}, 32, 2, 1000, 1));
  for (std::size_t i = 0; i < 32; ++i) CHECK(p[i] / p[0] == Approx(std::pow(static_cast<double>(i + 1), -1.5)));
}

TEST_CASE("power-law popularity has the density x^-alpha on [1, 0.8 tokens]", "[oracle]") {
  // The distribution function is (x^(1 - a) - 1) / (R^(1 - a) - 1), for a = 1 ln x / ln R. Expert i from the top stands
  // at quantile 1 - (i + 1/2) / N of it; x is popularity over that of the lower end, which normalising hides, so the
  // ratio of two popularities is compared.
  const double alpha = GENERATE(0.6, 1.0, 1.2);
  const double largest = 0.8 * 5000;
  const auto p = sorted(popularity({SkewKind::power_law, alpha}, 16, 2, 5000, 1));
  const auto quantile_of = [&](double x) {
    if (alpha == 1.0) return std::log(x) / std::log(largest);
    return (std::pow(x, 1 - alpha) - 1) / (std::pow(largest, 1 - alpha) - 1);
  };
  double low = 1, high = largest;  // x of the most popular, by bisection on the distribution function.
  for (int i = 0; i < 200; ++i) (quantile_of((low + high) / 2) < 1 - 0.5 / 16 ? low : high) = (low + high) / 2;
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(quantile_of(low * p[i] / p[0]) == Approx(1 - (static_cast<double>(i) + 0.5) / 16).margin(1e-9));
  }
  // A batch of few tokens has R = 200.
  CHECK(sorted(popularity({SkewKind::power_law, 0.0}, 16, 2, 8, 1)).front() * 16 ==
        Approx(2 * 193.78 / 201).epsilon(1e-4));
}

TEST_CASE("lognormal popularity has sigma as the deviation of its logarithm", "[oracle]") {
  // N quantiles at mid-steps have a deviation slightly below sigma: 0.6 % for N = 1,024.
  const auto p = popularity({SkewKind::lognormal, 0.7}, 1024, 2, 1000, 1);
  double mean = 0, square = 0;
  for (const double x : p) mean += std::log(x) / 1024;
  for (const double x : p) square += (std::log(x) - mean) * (std::log(x) - mean) / 1024;
  CHECK(std::sqrt(square) == Approx(0.7).epsilon(0.01));
}

TEST_CASE("the hot rank gets its share of all copies", "[oracle]") {
  // The share is a mean over T independent tokens of at most 1 each: standard error at most 1 / (2 sqrt T).
  const int top_k = GENERATE(1, 2, 6);
  const double share = GENERATE(0.05, 0.25, 0.6);
  CAPTURE(top_k, share);
  RouterSpec spec = test::router(RoutingKind::top_k, 64, top_k);
  spec.skew = {SkewKind::hot_rank, share};
  const RankLayout layout{.ranks = 8, .ranks_per_node = 8};
  const RoutedBatch batch = test::route(spec, layout, 2500, 3);
  std::int64_t hot = 0;
  for (int e = 0; e < 8; ++e) hot += batch.expert_tokens[static_cast<std::size_t>(e)];
  CHECK(static_cast<double>(hot) / static_cast<double>(20'000 * top_k) ==
        Approx(share).margin(4 * 0.5 / std::sqrt(20'000)));
}

TEST_CASE("a rank with fewer experts than k cannot get all copies", "[oracle]") {
  CHECK(max_hot_share(4, 8) == 0.5);
  CHECK(max_hot_share(8, 8) == 1);
}

}  // namespace
}  // namespace moesim
