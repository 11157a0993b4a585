#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/rank_layout.hpp"
#include "models/routing/layer_load.hpp"
#include "models/routing/popularity_walk.hpp"
#include "models/routing/router_spec.hpp"
#include "sim/ids.hpp"

namespace moesim {

// The loads of a model's MoE layers, step after step, as `router.skew` says. Starts in step 0. Layer 0 in step 0 is
// what route_batch() routes without a sequence; every layer and step draws its own tokens. Keeps references to the
// router and the placement.
class LoadSequence {
 public:
  LoadSequence(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
               std::int64_t tokens_per_rank, int layers, std::uint64_t seed);
  LoadSequence(const RouterSpec& router, std::span<const RankId> rank_of_expert,
               std::vector<std::int64_t> tokens_per_rank, int layers, std::uint64_t seed);

  LayerLoad load(int layer) const;  // In the current step.
  void next_step();

 private:
  const RouterSpec& router_;
  std::span<const RankId> rank_of_expert_;
  std::vector<std::int64_t> tokens_per_rank_;
  std::uint64_t seed_;
  int step_ = 0;
  std::optional<PopularityWalk> walk_;  // Of the shapes that are shuffled.
};

// The popularity with which an unrestricted top-k loads the experts in proportion to `loads`, sum 1. For k = 1 that is
// `loads` itself; for more it is p_e = -ln(1 - k * share_e), by Rosen's limit for draws without replacement: expert e
// is among the first k arrivals of a race with chance 1 - exp(-p_e t) for the t at which these sum to k (B. Rosen,
// "Asymptotic theory for successive sampling with varying probabilities without replacement", Ann. Math. Statist. 43,
// 1972). No expert can have more than 1 / k of all choices; what asks for more gets nearly that.
std::vector<double> popularity_of_loads(std::span<const double> loads, int top_k);

}  // namespace moesim
