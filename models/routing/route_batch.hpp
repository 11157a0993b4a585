#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/rank_layout.hpp"
#include "models/routing/layer_load.hpp"
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
// N / P experts on every rank. `tokens` is T over all ranks: expert_choice holds the logits of all tokens of its scope,
// which may be more than any memory. route_batch() refuses what this objects to.
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

}  // namespace moesim
