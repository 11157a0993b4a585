#include "models/routing/load_sequence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/named_loads.hpp"
#include "models/routing/popularity.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

// The tokens of layer 0 in step 0 are those of a batch alone.
std::uint64_t seed_of(std::uint64_t seed, int layer, int step) {
  if (layer == 0 && step == 0) return seed;
  return Rng(seed, detail::stream_of(detail::StreamUse::step, static_cast<std::uint64_t>(step),
                                     static_cast<std::uint64_t>(layer)))
      .next_u64();
}

}  // namespace

LoadSequence::LoadSequence(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                           std::int64_t tokens_per_rank, int layers, std::uint64_t seed)
    : LoadSequence(router, rank_of_expert,
                   std::vector<std::int64_t>(static_cast<std::size_t>(layout.ranks), tokens_per_rank), layers, seed) {}

LoadSequence::LoadSequence(const RouterSpec& router, std::span<const RankId> rank_of_expert,
                           std::vector<std::int64_t> tokens_per_rank, int layers, std::uint64_t seed)
    : router_(router), rank_of_expert_(rank_of_expert), tokens_per_rank_(std::move(tokens_per_rank)), seed_(seed) {
  if (!is_shuffled(router.skew.kind)) return;
  walk_.emplace(router.num_experts, layers, router.skew.layer_correlation, router.skew.step_drift, seed);
}

LayerLoad LoadSequence::load(int layer) const {
  LayerLoad load;
  load.layer = layer;
  load.step = step_;
  load.tokens_per_rank = tokens_per_rank_;
  load.seed = seed_;
  const SkewKind kind = router_.skew.kind;
  if (is_named_load(kind)) {
    apply_named_load(router_, rank_of_expert_, load);
  } else if (kind == SkewKind::loads) {
    load.popularity = popularity_of_loads(router_.loads->row(step_, layer), router_.top_k);
  } else {
    const std::int64_t tokens = std::accumulate(tokens_per_rank_.begin(), tokens_per_rank_.end(), std::int64_t{0});
    load.popularity =
        expert_popularity(router_, rank_of_expert_, tokens, walk_ ? walk_->places(layer) : std::vector<std::int32_t>{});
  }
  load.seed = seed_of(seed_, layer, step_);
  load.gate_seed = seed_of(seed_, layer, 0);
  return load;
}

void LoadSequence::next_step() {
  ++step_;
  if (walk_) walk_->next_step();
}

std::vector<double> popularity_of_loads(std::span<const double> loads, int top_k) {
  constexpr double kMostChance = 1 - 1e-6;  // Of an expert to be among a token's k; at 1 its popularity has no bound.
  const double sum = std::accumulate(loads.begin(), loads.end(), 0.0);
  MOESIM_CHECK(sum > 0, "{} loads, all zero", loads.size());
  std::vector<double> popularity(loads.begin(), loads.end());
  if (top_k > 1) {
    for (double& p : popularity) p = -std::log1p(-std::min(top_k * p / sum, kMostChance));
  }
  normalize_popularity(popularity);
  return popularity;
}

}  // namespace moesim
