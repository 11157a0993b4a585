#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/placement.hpp"
#include "models/routing/route_batch.hpp"
#include "sim/rng.hpp"

namespace moesim::test {

inline RouterSpec router(RoutingKind kind, int experts, int top_k) {
  RouterSpec spec;
  spec.kind = kind;
  spec.num_experts = experts;
  spec.top_k = top_k;
  return spec;
}

inline RoutedBatch route(const RouterSpec& spec, RankLayout layout, std::int64_t tokens_per_rank, std::uint64_t seed,
                         RoutingPath path = RoutingPath::sampled) {
  const auto placement = place_experts(PlacementKind::contiguous, spec.num_experts, layout.ranks);
  return route_batch(spec, layout, placement, tokens_per_rank, seed, path);
}

inline std::vector<float> normal_logits(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, 77);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = static_cast<float>(2 * rng.normal());
  return logits;
}

// Copies that leave their source: everything off the diagonal.
inline std::int64_t remote(const CountMatrix& copies) {
  std::int64_t sum = copies.total();
  for (int rank = 0; rank < copies.rows(); ++rank) sum -= copies.at(rank, rank);
  return sum;
}

inline std::int64_t remote_nodes(const RoutedBatch& batch) {
  std::int64_t sum = batch.node_copies.total();
  for (int rank = 0; rank < batch.layout.ranks; ++rank) {
    sum -= batch.node_copies.at(rank, batch.layout.node_of(RankId{rank}));
  }
  return sum;
}

struct Sample {
  double mean = 0;
  double standard_error = 0;  // Of the mean.
};
inline Sample sample_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += v;
  double squares = 0;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1) / n)};
}

}  // namespace moesim::test
