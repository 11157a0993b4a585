#include "models/routing/route_batch.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "models/routing/batch_tally.hpp"
#include "models/routing/capacity.hpp"
#include "models/routing/logit_source.hpp"
#include "models/routing/popularity.hpp"
#include "models/routing/routing_policy.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

// Among which tokens a policy chooses, or a capacity counts.
enum class Scope { block, rank, batch };

Scope scope_of(const RouterSpec& router, const RoutingPolicy& policy) {
  if (router.capacity) return router.capacity->scope == Capacity::Scope::batch ? Scope::batch : Scope::rank;
  return policy.needs_all_tokens() ? Scope::rank : Scope::block;
}

// Takes the choices of tokens that are complete, as BatchTally::add() does.
using Sink = std::function<void(std::span<const BatchTally::Source>, const Choices&)>;

class BatchRouter {
 public:
  // `seed` makes the gate matrix, `token_seed` the tokens.
  BatchRouter(const RouterSpec& router, const ExpertGroups& groups, std::span<const double> popularity,
              std::uint64_t seed, std::uint64_t token_seed, RoutingPath path)
      : router_(router), seed_(token_seed), policy_(make_policy(router, groups)), scope_(scope_of(router, *policy_)) {
    if (path == RoutingPath::sampled && policy_->can_sample()) {
      race_.emplace(popularity, groups);
    } else {
      source_ = path == RoutingPath::sampled ? make_sampled_logits(router, popularity)
                                             : make_feature_logits(router, popularity, seed);
    }
    // Only choices that can still be dropped need a share; expert_choice has its capacity inside.
    choices_.with_shares = router.capacity.has_value() && !policy_->needs_all_tokens();
  }

  void route(std::span<const std::int64_t> tokens_per_rank, const Sink& sink) {
    std::vector<BatchTally::Source> sources;
    std::int64_t batch_tokens = 0;
    for (std::size_t rank = 0; rank < tokens_per_rank.size(); ++rank) {
      const std::int64_t tokens = tokens_per_rank[rank];
      const RankId source{static_cast<std::int64_t>(rank)};
      batch_tokens += tokens;
      sources.push_back({source, tokens});
      for (std::int64_t first = 0; first < tokens; first += detail::kTokensPerBlock) {
        const std::int64_t n = std::min<std::int64_t>(detail::kTokensPerBlock, tokens - first);
        choose_block(rank, first / detail::kTokensPerBlock, static_cast<std::size_t>(n));
        const BatchTally::Source block{source, n};
        if (scope_ == Scope::block) hand_over(std::span(&block, 1), n, sink);
      }
      if (scope_ == Scope::rank) hand_over(std::span(&sources.back(), 1), tokens, sink);
    }
    if (scope_ == Scope::batch) hand_over(sources, batch_tokens, sink);
  }

 private:
  void choose_block(std::size_t rank, std::int64_t block, std::size_t tokens) {
    detail::TokenRandom random(seed_,
                               detail::stream_of(detail::StreamUse::tokens, rank, static_cast<std::uint64_t>(block)));
    if (race_) {
      policy_->sample(*race_, tokens, random, choices_);
      return;
    }
    source_->append(tokens, random, logits_);
    if (!policy_->needs_all_tokens()) choose_from_logits(random);
  }

  void choose_from_logits(detail::TokenRandom& random) {
    policy_->choose(logits_, random, choices_);
    logits_.logits.clear();
    logits_.noise_logits.clear();
  }

  // The scope is complete: what had to wait for all its tokens, and then the counts.
  void hand_over(std::span<const BatchTally::Source> sources, std::int64_t tokens, const Sink& sink) {
    if (tokens == 0) return;
    if (policy_->needs_all_tokens()) {
      detail::TokenRandom random(seed_, detail::stream_of(detail::StreamUse::scope, sources.front().rank.index()));
      choose_from_logits(random);
    } else if (router_.capacity) {
      drop_overflow(router_.num_experts, capacity_slots(router_, tokens), choices_);
    }
    sink(sources, choices_);
    choices_.clear();
  }

  const RouterSpec& router_;
  std::uint64_t seed_;
  std::unique_ptr<RoutingPolicy> policy_;
  Scope scope_;
  std::optional<ExpertRace> race_;
  std::unique_ptr<LogitSource> source_;
  LogitBlock logits_;
  Choices choices_;
};

void check_batch(const RouterSpec& router, const RankLayout& layout, std::span<const std::int64_t> tokens_per_rank,
                 std::int64_t tokens) {
  MOESIM_CHECK(std::ssize(tokens_per_rank) == layout.ranks, "{} counts for {} ranks", tokens_per_rank.size(),
               layout.ranks);
  for (const std::int64_t count : tokens_per_rank) MOESIM_CHECK(count >= 0, "{} tokens", count);
  const std::optional<std::string> error = router_error(router, layout, tokens);
  MOESIM_CHECK(!error, "{}", *error);
}

void route_to(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
              std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed, std::uint64_t token_seed,
              RoutingPath path, const Sink& sink) {
  const std::int64_t tokens = std::accumulate(tokens_per_rank.begin(), tokens_per_rank.end(), std::int64_t{0});
  check_batch(router, layout, tokens_per_rank, tokens);
  const ExpertGroups groups = expert_groups(router, layout, home);
  const std::vector<double> popularity = expert_popularity(router, home, tokens, seed);
  BatchRouter(router, groups, popularity, seed, token_seed, path).route(tokens_per_rank, sink);
}

RoutedBatch route_placed(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                         const ExpertPlacement& placement, ReplicaChoice replicas,
                         std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  BatchTally tally(layout, placement, replicas);
  route_to(router, layout, home, tokens_per_rank, seed, seed, path,
           [&](std::span<const BatchTally::Source> sources, const Choices& choices) { tally.add(sources, choices); });
  return std::move(tally).result();
}

void add_choices(const Choices& choices, ChoiceStatistics& statistics) {
  for (const std::int32_t expert : choices.experts) {
    if (expert >= 0) ++statistics.loads[static_cast<std::size_t>(expert)];
  }
  if (statistics.coactivation) statistics.coactivation->add(choices);
}

}  // namespace

std::optional<RoutingPath> routing_path(std::string_view name) {
  if (name == "sampled") return RoutingPath::sampled;
  if (name == "logits") return RoutingPath::logits;
  return std::nullopt;
}

std::string_view name(RoutingPath path) { return path == RoutingPath::sampled ? "sampled" : "logits"; }

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  return route_placed(router, layout, rank_of_expert, placement_of(rank_of_expert, layout.ranks), ReplicaChoice::even,
                      tokens_per_rank, seed, path);
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::int64_t tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(layout.ranks), tokens_per_rank);
  return route_batch(router, layout, rank_of_expert, tokens, seed, path);
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                        const ExpertPlacement& placement, ReplicaChoice replicas, std::int64_t tokens_per_rank,
                        std::uint64_t seed, RoutingPath path) {
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(layout.ranks), tokens_per_rank);
  return route_placed(router, layout, home, placement, replicas, tokens, seed, path);
}

ChoiceStatistics choice_statistics(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home,
                                   std::int64_t tokens_per_rank, std::uint64_t seed, const StatisticsOptions& options,
                                   RoutingPath path) {
  ChoiceStatistics statistics{.loads = std::vector<double>(static_cast<std::size_t>(router.num_experts))};
  if (options.pairs) statistics.coactivation.emplace(router.num_experts);
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(layout.ranks), tokens_per_rank);
  const auto add = [&](std::span<const BatchTally::Source> /*sources*/, const Choices& choices) {
    add_choices(choices, statistics);
  };
  if (options.steps == 0) route_to(router, layout, home, tokens, seed, seed, path, add);
  for (int step = 1; step <= options.steps; ++step) {
    Rng rng(seed, detail::stream_of(detail::StreamUse::earlier_step, 0, static_cast<std::uint64_t>(step)));
    route_to(router, layout, home, tokens, seed, rng.next_u64(), path, add);
  }
  return statistics;
}

}  // namespace moesim
