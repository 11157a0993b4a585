#pragma once

#include <cstdint>
#include <optional>

#include "models/exchange/exchange_plan.hpp"
#include "models/rank_layout.hpp"

namespace moesim {

// Token copies that leave their rank (two_hop: their node) when every token picks `top_k` of `experts` uniformly, the
// experts lie evenly on the ranks, and nothing is dropped. T tokens, P ranks, M nodes:
//   direct, pairwise, low_latency   T k (1 - 1/P)
//   rank_dedup                      T (P - 1) (1 - C(N - N/P, k) / C(N, k))
//   two_hop                         T (M - 1) (1 - C(N - N/M, k) / C(N, k))
//   all_gather                      T (P - 1)
// A short last node counts with the experts that it has. Where routing keeps every token to `limit.nodes` nodes,
// two_hop sends at most T nodes (1 - 1/M), and rank_dedup at most T ranks (1 - 1/P) with `limit.ranks`; the lesser of
// the two is an upper estimate, not a mean.
double expected_remote_copies(ExchangeAlgorithm algorithm, const RankLayout& layout, std::int64_t tokens, int experts,
                              int top_k, const ReachLimit& limit = {});

}  // namespace moesim
