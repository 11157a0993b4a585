#include "models/routing/named_loads.hpp"

#include <algorithm>
#include <numeric>

#include "models/routing/popularity.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

constexpr int kHotPeriod = 4;    // Of four tokens one chooses among all experts.
constexpr int kBurstPeriod = 2;  // In a burst one of two does.
constexpr int kStepsOfRotation = 3;
constexpr int kStepsOfBurst = 4;  // Three steady ones, then the burst.

std::vector<double> popularity_of(const std::vector<std::int32_t>& chosen, int experts) {
  std::vector<double> popularity(static_cast<std::size_t>(experts));
  for (const std::int32_t e : chosen) popularity[static_cast<std::size_t>(e)] = 1;
  normalize_popularity(popularity);
  return popularity;
}

// `count` of the experts, neighbours from `first` on, round the end.
std::vector<std::int32_t> neighbours(int first, int count, int experts) {
  std::vector<std::int32_t> chosen;
  for (int i = 0; i < count; ++i) chosen.push_back((first + i) % experts);
  return chosen;
}

std::vector<std::int32_t> picked_by_seed(int count, int experts, std::uint64_t seed) {
  std::vector<std::int32_t> all = neighbours(0, experts, experts);
  Rng rng(seed, detail::stream_of(detail::StreamUse::hot_set));
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::swap(all[at], all[at + rng.below(static_cast<std::uint32_t>(experts - i))]);
  }
  all.resize(static_cast<std::size_t>(count));
  return all;
}

std::vector<std::int32_t> of_first_ranks(int count, std::span<const RankId> rank_of_expert) {
  std::vector<std::int32_t> all(rank_of_expert.size());
  std::iota(all.begin(), all.end(), 0);
  std::stable_sort(all.begin(), all.end(), [&](std::int32_t a, std::int32_t b) {
    return rank_of_expert[static_cast<std::size_t>(a)] < rank_of_expert[static_cast<std::size_t>(b)];
  });
  all.resize(static_cast<std::size_t>(count));
  return all;
}

std::vector<std::int32_t> spread(int count, int experts) {
  std::vector<std::int32_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) chosen.push_back(static_cast<std::int32_t>(i * experts / count));
  return chosen;
}

}  // namespace

bool is_named_load(SkewKind kind) { return kind >= SkewKind::w0_balanced && kind <= SkewKind::w7_burst; }

int hot_experts(const RouterSpec& router) { return std::max(router.top_k, router.num_experts / 4); }

std::vector<std::int64_t> ragged_tokens(int ranks, std::int64_t tokens_per_rank) {
  // Rank r ends where the ramp's area up to r + 1 does, so that rounding never adds up.
  const auto end = [&](std::int64_t r) {
    return static_cast<std::int64_t>(static_cast<double>(tokens_per_rank) * static_cast<double>(r * r) / ranks);
  };
  std::vector<std::int64_t> tokens;
  for (int r = 0; r < ranks; ++r) {
    const bool last = r + 1 == ranks;
    tokens.push_back((last ? tokens_per_rank * ranks : end(r + 1)) - end(r));
  }
  return tokens;
}

void apply_named_load(const RouterSpec& router, std::span<const RankId> rank_of_expert, LayerLoad& load) {
  const int experts = router.num_experts;
  const int hot = hot_experts(router);
  load.popularity = popularity_of(neighbours(0, experts, experts), experts);
  std::vector<std::int32_t> chosen;
  load.period = kHotPeriod;
  switch (router.skew.kind) {
    case SkewKind::w0_balanced:
      load.dealt = true;
      break;
    case SkewKind::w1_hot_experts:
      chosen = picked_by_seed(hot, experts, load.seed);
      break;
    case SkewKind::w2_hot_rank:
      chosen = of_first_ranks(hot, rank_of_expert);
      break;
    case SkewKind::w3_spread:
      chosen = spread(hot, experts);
      break;
    case SkewKind::w4_ragged_sources: {
      const auto ranks = static_cast<int>(load.tokens_per_rank.size());
      const std::int64_t tokens =
          std::accumulate(load.tokens_per_rank.begin(), load.tokens_per_rank.end(), std::int64_t{0});
      load.tokens_per_rank = ragged_tokens(ranks, tokens / ranks);
      break;
    }
    case SkewKind::w5_zero_load:
      load.popularity = popularity_of(neighbours(experts / 2, experts - experts / 2, experts), experts);
      break;
    case SkewKind::w6_rotating: {
      const std::int64_t first = static_cast<std::int64_t>(load.step / kStepsOfRotation) * hot % experts;
      chosen = neighbours(static_cast<int>(first), hot, experts);
      break;
    }
    case SkewKind::w7_burst:
      if (load.step % kStepsOfBurst == kStepsOfBurst - 1) chosen = neighbours(0, hot, experts);
      load.period = kBurstPeriod;
      break;
    default:
      MOESIM_CHECK(false, "skew {} is no named workload", static_cast<int>(router.skew.kind));
  }
  if (!chosen.empty()) load.hot_popularity = popularity_of(chosen, experts);
}

}  // namespace moesim
