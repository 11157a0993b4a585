#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/layer_load.hpp"
#include "models/routing/router_spec.hpp"
#include "sim/ids.hpp"

namespace moesim {

// The eight named workloads of the token-imbalance benchmark that was proposed for Megatron-LM (NVIDIA/Megatron-LM pull
// request 7488, README): functions of (workload, seed, step), the same in every layer. Each token's k experts are drawn
// without replacement, all with the same chance, from one of two sets: all N, or a hot set of H = max(k, N / 4).
//   w0_balanced        experts dealt out in turn over the tokens of all ranks: every expert has the same load
//   w1_hot_experts     three of four tokens choose in the hot set, H experts that the seed picks
//   w2_hot_rank        the same, the hot set being the experts of rank 0 and of as many ranks after it as H takes
//   w3_spread          the same, every (N / H)-th expert
//   w4_ragged_sources  all experts alike, but the tokens of rank r of P are proportional to r + 1/2; their sum is as
//   ever w5_zero_load       no token chooses among the first half of the experts w6_rotating        as w1, the hot set
//   being H neighbours that move on by H every three steps w7_burst           in every fourth step every other token
//   chooses among the first H experts; else as w4, but even
// Where the benchmark's program and its description differ (w1 against w2, the size of w3's set) this is the
// description. `load` comes with tokens_per_rank, step and seed; this sets its choices. A set that is never chosen has
// kMinPopularity.
void apply_named_load(const RouterSpec& router, std::span<const RankId> rank_of_expert, LayerLoad& load);

bool is_named_load(SkewKind kind);

// H above.
int hot_experts(const RouterSpec& router);

// As w4_ragged_sources deals tokens out; the sum is ranks * tokens_per_rank. [ranks]
std::vector<std::int64_t> ragged_tokens(int ranks, std::int64_t tokens_per_rank);

}  // namespace moesim
