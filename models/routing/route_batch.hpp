#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/rank_layout.hpp"
#include "models/routing/layer_load.hpp"
#include "models/routing/placement/choice_statistics.hpp"
#include "models/routing/placement/expert_placement.hpp"
#include "models/routing/placement/replica_choice.hpp"
#include "models/routing/routed_batch.hpp"
#include "models/routing/router_spec.hpp"
#include "sim/ids.hpp"

namespace moesim {

// How tokens come by their logits. Both give the same distribution of routed batches.
enum class RoutingPath {
  sampled,  // Draws only what the policy looks at: about k numbers a token. The one to use.
  logits,   // Token features times gate matrix: the real computation, for checks and small batches.
};
std::optional<RoutingPath> routing_path(std::string_view name);
std::string_view name(RoutingPath path);

// Why no token can be routed so, in words for people ("top_k is 9, but there are only 8 experts"), or empty. Assumes
// N / P experts on every rank, about. `tokens` is T over all ranks: expert_choice holds the logits of all tokens of its
// scope, which may be more than any memory. route_batch() refuses what this objects to.
std::optional<std::string> router_error(const RouterSpec& router, const RankLayout& layout, std::int64_t tokens);

// Routes tokens_per_rank[ranks] tokens of every source rank to experts, which live where rank_of_expert[experts] says.
// The same input and seed give the same batch; a token's draws depend on the seed, its rank and its place there alone.
RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed,
                        RoutingPath path = RoutingPath::sampled);
// One layer of one step of a LoadSequence. Choices that are not drawn (recorded, dealt out) do depend on how many
// tokens the ranks before have.
RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        const LayerLoad& load, RoutingPath path = RoutingPath::sampled);
// The same number of tokens on every rank.
RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::int64_t tokens_per_rank, std::uint64_t seed, RoutingPath path = RoutingPath::sampled);

// The same choices with the experts elsewhere: what of a router depends on places (the groups of node_limited, the hot
// rank) goes by home[experts], where the router was trained to find them. Capacities are those of logical experts.
RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                        const ExpertPlacement& placement, ReplicaChoice replicas, const LayerLoad& load,
                        RoutingPath path = RoutingPath::sampled);
RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                        const ExpertPlacement& placement, ReplicaChoice replicas, std::int64_t tokens_per_rank,
                        std::uint64_t seed, RoutingPath path = RoutingPath::sampled);

// How the tokens chose in the `steps` steps before the one that route_batch() routes with this load, or this seed
// (none: in that step itself). Experts are as popular as in that step; the tokens are others.
struct StatisticsOptions {
  int steps = 1;
  bool pairs = false;  // Also which experts were chosen together: O(k^2) a token.
};
ChoiceStatistics choice_statistics(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                                   const LayerLoad& load, const StatisticsOptions& options,
                                   RoutingPath path = RoutingPath::sampled);
ChoiceStatistics choice_statistics(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                                   std::int64_t tokens_per_rank, std::uint64_t seed, const StatisticsOptions& options,
                                   RoutingPath path = RoutingPath::sampled);

}  // namespace moesim
