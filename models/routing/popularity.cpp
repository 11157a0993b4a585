#include "models/routing/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

// Expected share of the copies that go to `hot` of `experts` experts, each of them `weight` times as popular as the
// others: top_k draws without replacement; chance[h] is that of h hot ones so far.
double expected_hot_share(int experts, int hot, int top_k, double weight) {
  std::vector<double> chance(static_cast<std::size_t>(top_k) + 1, 0.0);
  chance[0] = 1;
  double expected = 0;
  for (int drawn = 0; drawn < top_k; ++drawn) {
    for (int h = std::min(drawn, hot); h >= 0; --h) {
      const auto at = static_cast<std::size_t>(h);
      const double hot_left = weight * (hot - h);
      const double cold_left = std::max(0, experts - hot - (drawn - h));
      if (hot_left + cold_left <= 0) continue;
      const double to_hot = chance[at] * hot_left / (hot_left + cold_left);
      expected += to_hot;
      chance[at + 1] += to_hot;
      chance[at] -= to_hot;
    }
  }
  return expected / top_k;
}

double hot_weight(int experts, int hot, int top_k, double share) {
  double low = std::log(kMinPopularity);
  double high = -low;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (expected_hot_share(experts, hot, top_k, std::exp(middle)) < share ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

void normalize(std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value /= sum;
}

}  // namespace

void normalize_popularity(std::vector<double>& values) {
  normalize(values);
  for (double& p : values) p = std::max(p, kMinPopularity);
  normalize(values);
}

double power_law_quantile(double u, double alpha, double least, double largest) {
  const double e = 1 - alpha;
  if (std::abs(e) < 1e-9) return least * std::pow(largest / least, u);
  return std::pow(std::pow(least, e) + u * (std::pow(largest, e) - std::pow(least, e)), 1 / e);
}

std::vector<double> popularity_shape(const RouterSpec& router, std::int64_t tokens) {
  const auto experts = static_cast<std::size_t>(router.num_experts);
  const double parameter = router.skew.parameter;
  const bool few_tokens = tokens * router.top_k <= router.num_experts;
  const double largest = few_tokens ? 200 : std::max(2.0, 0.8 * static_cast<double>(tokens));
  std::vector<double> values(experts, 1.0);
  for (std::size_t i = 0; i < experts; ++i) {
    const double quantile = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(experts);
    switch (router.skew.kind) {
      case SkewKind::zipf:
        values[i] = std::pow(static_cast<double>(i + 1), -parameter);
        break;
      case SkewKind::power_law:
        values[i] = power_law_quantile(quantile, parameter, 1, largest);
        break;
      case SkewKind::lognormal:
        values[i] = std::exp(parameter * normal_quantile(quantile));
        break;
      default:
        return values;  // One value for all.
    }
  }
  return values;
}

double max_hot_share(int experts_per_rank, int top_k) {
  return std::min(1.0, static_cast<double>(experts_per_rank) / top_k);
}

std::vector<std::int32_t> shuffled_places(int experts, std::uint64_t seed) {
  std::vector<std::int32_t> places(static_cast<std::size_t>(experts));
  std::iota(places.begin(), places.end(), 0);
  Rng rng(seed, detail::stream_of(detail::StreamUse::skew));
  for (auto left = static_cast<std::uint32_t>(experts); left > 1; --left) {
    std::swap(places[left - 1], places[rng.below(left)]);
  }
  return places;
}

std::vector<double> expert_popularity(const RouterSpec& router, std::span<const RankId> rank_of_expert,
                                      std::int64_t tokens, std::uint64_t seed) {
  return expert_popularity(router, rank_of_expert, tokens, shuffled_places(router.num_experts, seed));
}

std::vector<double> expert_popularity(const RouterSpec& router, std::span<const RankId> rank_of_expert,
                                      std::int64_t tokens, std::span<const std::int32_t> places) {
  MOESIM_CHECK(std::ssize(rank_of_expert) == router.num_experts, "{} placed of {}", rank_of_expert.size(),
               router.num_experts);
  std::vector<double> popularity = popularity_shape(router, tokens);
  if (router.skew.kind == SkewKind::hot_rank) {
    const auto hot = static_cast<int>(std::count(rank_of_expert.begin(), rank_of_expert.end(), RankId{0}));
    const double weight =
        hot < router.num_experts ? hot_weight(router.num_experts, hot, router.top_k, router.skew.parameter) : 1.0;
    for (std::size_t e = 0; e < popularity.size(); ++e) popularity[e] = rank_of_expert[e] == RankId{0} ? weight : 1;
  }
  normalize_popularity(popularity);
  if (!is_shuffled(router.skew.kind)) return popularity;

  // Shuffled last, so that not even the rounding of the sums depends on the seed.
  std::vector<double> shuffled(popularity.size());
  for (std::size_t e = 0; e < shuffled.size(); ++e) shuffled[e] = popularity[static_cast<std::size_t>(places[e])];
  return shuffled;
}

}  // namespace moesim
