#include "models/routing/route_batch.hpp"

#include <numeric>
#include <vector>

#include "models/routing/batch_router.hpp"
#include "models/routing/load_sequence.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

void route_to(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home, const LayerLoad& load,
              RoutingPath path, const ChoiceSink& sink) {
  const std::vector<std::int64_t>& tokens_per_rank = load.tokens_per_rank;
  MOESIM_CHECK(std::ssize(tokens_per_rank) == layout.ranks, "{} counts for {} ranks", tokens_per_rank.size(),
               layout.ranks);
  for (const std::int64_t count : tokens_per_rank) MOESIM_CHECK(count >= 0, "{} tokens", count);
  const std::int64_t tokens = std::accumulate(tokens_per_rank.begin(), tokens_per_rank.end(), std::int64_t{0});
  const std::optional<std::string> error = router_error(router, layout, tokens);
  MOESIM_CHECK(!error, "{}", *error);
  BatchRouter(router, expert_groups(router, layout, home), load, path).route(sink);
}

void add_choices(const Choices& choices, ChoiceStatistics& statistics) {
  for (const std::int32_t expert : choices.experts) {
    if (expert >= 0) ++statistics.loads[static_cast<std::size_t>(expert)];
  }
  if (statistics.coactivation && !choices.experts.empty()) statistics.coactivation->add(choices);
}

}  // namespace

std::optional<RoutingPath> routing_path(std::string_view name) {
  if (name == "sampled") return RoutingPath::sampled;
  if (name == "logits") return RoutingPath::logits;
  return std::nullopt;
}

std::string_view name(RoutingPath path) { return path == RoutingPath::sampled ? "sampled" : "logits"; }

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        const LayerLoad& load, RoutingPath path) {
  return route_batch(router, layout, rank_of_expert, placement_of(rank_of_expert, layout.ranks), ReplicaChoice::even,
                     load, path);
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  // Asked before the sequence, whose loads a router that cannot work need not have.
  const std::int64_t tokens = std::accumulate(tokens_per_rank.begin(), tokens_per_rank.end(), std::int64_t{0});
  const std::optional<std::string> error = router_error(router, layout, tokens);
  MOESIM_CHECK(!error, "{}", *error);
  const LoadSequence loads(router, rank_of_expert, {tokens_per_rank.begin(), tokens_per_rank.end()}, 1, seed);
  return route_batch(router, layout, rank_of_expert, loads.load(0), path);
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::int64_t tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(layout.ranks), tokens_per_rank);
  return route_batch(router, layout, rank_of_expert, tokens, seed, path);
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                        const ExpertPlacement& placement, ReplicaChoice replicas, const LayerLoad& load,
                        RoutingPath path) {
  BatchTally tally(layout, placement, replicas);
  route_to(router, layout, home, load, path,
           [&](std::span<const BatchTally::Source> sources, const Choices& choices) { tally.add(sources, choices); });
  return std::move(tally).result();
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                        const ExpertPlacement& placement, ReplicaChoice replicas, std::int64_t tokens_per_rank,
                        std::uint64_t seed, RoutingPath path) {
  const LoadSequence loads(router, layout, home, tokens_per_rank, 1, seed);
  return route_batch(router, layout, home, placement, replicas, loads.load(0), path);
}

ChoiceStatistics choice_statistics(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                                   const LayerLoad& load, const StatisticsOptions& options, RoutingPath path) {
  ChoiceStatistics statistics{.loads = std::vector<double>(static_cast<std::size_t>(router.num_experts))};
  if (options.pairs) statistics.coactivation.emplace(router.num_experts);
  const auto add = [&](std::span<const BatchTally::Source> /*sources*/, const Choices& choices) {
    add_choices(choices, statistics);
  };
  if (options.steps == 0) route_to(router, layout, home, load, path, add);
  LayerLoad earlier = load;
  for (int step = 1; step <= options.steps; ++step) {
    earlier.seed =
        Rng(load.seed, detail::stream_of(detail::StreamUse::earlier_step, 0, static_cast<std::uint64_t>(step)))
            .next_u64();
    route_to(router, layout, home, earlier, path, add);
  }
  return statistics;
}

ChoiceStatistics choice_statistics(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                                   std::int64_t tokens_per_rank, std::uint64_t seed, const StatisticsOptions& options,
                                   RoutingPath path) {
  const LoadSequence loads(router, layout, home, tokens_per_rank, 1, seed);
  return choice_statistics(router, layout, home, loads.load(0), options, path);
}

}  // namespace moesim
