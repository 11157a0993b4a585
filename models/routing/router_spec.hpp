#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/routing/recorded_routing.hpp"

namespace moesim {

enum class RoutingKind {
  top_1,
  top_k,
  noisy_top_k,
  top_2_random_second,
  group_limited,
  node_limited,
  expert_choice,
  recorded,  // Not a rule: the experts of each token were recorded, `RouterSpec::recorded`.
};
std::optional<RoutingKind> routing_kind(std::string_view name);
std::string_view name(RoutingKind kind);

enum class Scoring {
  softmax_topk,  // Softmax over the kept logits only (Mixtral, Shazeer 2017).
  softmax,       // Softmax over all experts, then keep k (Switch, GShard, DeepSeek-V2); renormalised if `normalize`.
  sigmoid,       // Each expert apart, then keep k (DeepSeek-V3); renormalised if `normalize`.
};

// Tokens that one expert accepts: floor(T * k / N) * factor, at least one, of the tokens of `scope`. What overflows
// skips the expert (the residual path carries it) and counts as dropped.
struct Capacity {
  enum class Scope {
    batch,  // One capacity over all ranks' tokens.
    rank,   // One for each source rank, as GShard's local groups.
  };
  double factor = 1;
  Scope scope = Scope::rank;
};

// How popular the experts are. The first five are one popularity for all tokens (models/routing/popularity.hpp), w0 to
// w7 the named workloads (models/routing/named_loads.hpp), `loads` a recorded table.
enum class SkewKind {
  uniform,
  zipf,
  power_law,
  lognormal,
  hot_rank,
  w0_balanced,
  w1_hot_experts,
  w2_hot_rank,
  w3_spread,
  w4_ragged_sources,
  w5_zero_load,
  w6_rotating,
  w7_burst,
  loads,
};
struct Skew {
  SkewKind kind = SkewKind::uniform;
  double parameter = 0;  // zipf: exponent. power_law: alpha. lognormal: sigma. hot_rank: share of the hot rank.
  // Of zipf, power_law and lognormal: how alike the order of popularity is in neighbouring layers, and how much of it
  // is lost from one step to the next (models/routing/popularity_walk.hpp). 0 to 1 each.
  double layer_correlation = 0;
  double step_drift = 0;
};

// Shapes whose experts are shuffled by the seed, and so can be shuffled otherwise in another layer or step.
bool is_shuffled(SkewKind kind);

// How the router of one MoE layer chooses. Which fields count depends on `kind`; docs/models/routing.md says which.
struct RouterSpec {
  RoutingKind kind = RoutingKind::top_k;
  int num_experts = 1;  // N, routed experts
  int top_k = 1;        // k
  Scoring scoring = Scoring::softmax;
  bool normalize = false;            // Kept weights are divided by their sum.
  double scaling_factor = 1;         // Weights are multiplied by it at the end (DeepSeek's routed_scaling_factor).
  int groups = 1;                    // group_limited: groups of experts; node_limited: set to the number of nodes.
  int groups_kept = 1;               // M of "at most M groups (nodes)".
  std::vector<double> bias;          // [experts] or empty: steers the selection, never enters the weights.
  std::optional<Capacity> capacity;  // Empty: no expert ever refuses a token.
  Skew skew;
  std::shared_ptr<const ExpertLoads> loads = nullptr;     // Of the skew `loads`.
  std::shared_ptr<const RecordedIds> recorded = nullptr;  // Of the kind `recorded`.
};

}  // namespace moesim
