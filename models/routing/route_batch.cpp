#include "models/routing/route_batch.hpp"

#include <algorithm>
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

namespace moesim {
namespace {

// Among which tokens a policy chooses, or a capacity counts.
enum class Scope { block, rank, batch };

Scope scope_of(const RouterSpec& router, const RoutingPolicy& policy) {
  if (router.capacity) return router.capacity->scope == Capacity::Scope::batch ? Scope::batch : Scope::rank;
  return policy.needs_all_tokens() ? Scope::rank : Scope::block;
}

class BatchRouter {
 public:
  BatchRouter(const RouterSpec& router, const ExpertGroups& groups, std::span<const double> popularity,
              std::uint64_t seed, RoutingPath path)
      : router_(router), seed_(seed), policy_(make_policy(router, groups)), scope_(scope_of(router, *policy_)) {
    if (path == RoutingPath::sampled && policy_->can_sample()) {
      race_.emplace(popularity, groups);
    } else {
      source_ = path == RoutingPath::sampled ? make_sampled_logits(router, popularity)
                                             : make_feature_logits(router, popularity, seed);
    }
    // Only choices that can still be dropped need a share; expert_choice has its capacity inside.
    choices_.with_shares = router.capacity.has_value() && !policy_->needs_all_tokens();
  }

  void route(std::span<const std::int64_t> tokens_per_rank, BatchTally& tally) {
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
        if (scope_ == Scope::block) hand_over(std::span(&block, 1), n, tally);
      }
      if (scope_ == Scope::rank) hand_over(std::span(&sources.back(), 1), tokens, tally);
    }
    if (scope_ == Scope::batch) hand_over(sources, batch_tokens, tally);
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
  void hand_over(std::span<const BatchTally::Source> sources, std::int64_t tokens, BatchTally& tally) {
    if (tokens == 0) return;
    if (policy_->needs_all_tokens()) {
      detail::TokenRandom random(seed_, detail::stream_of(detail::StreamUse::scope, sources.front().rank.index()));
      choose_from_logits(random);
    } else if (router_.capacity) {
      drop_overflow(router_.num_experts, capacity_slots(router_, tokens), choices_);
    }
    tally.add(sources, choices_);
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

}  // namespace

std::optional<RoutingPath> routing_path(std::string_view name) {
  if (name == "sampled") return RoutingPath::sampled;
  if (name == "logits") return RoutingPath::logits;
  return std::nullopt;
}

std::string_view name(RoutingPath path) { return path == RoutingPath::sampled ? "sampled" : "logits"; }

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::span<const std::int64_t> tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  MOESIM_CHECK(std::ssize(tokens_per_rank) == layout.ranks, "{} counts for {} ranks", tokens_per_rank.size(),
               layout.ranks);
  for (const std::int64_t tokens : tokens_per_rank) MOESIM_CHECK(tokens >= 0, "{} tokens", tokens);
  const std::int64_t tokens = std::accumulate(tokens_per_rank.begin(), tokens_per_rank.end(), std::int64_t{0});
  const std::optional<std::string> error = router_error(router, layout, tokens);
  MOESIM_CHECK(!error, "{}", *error);

  const ExpertGroups groups = expert_groups(router, layout, rank_of_expert);
  const std::vector<double> popularity = expert_popularity(router, rank_of_expert, tokens, seed);
  BatchTally tally(layout, rank_of_expert);
  BatchRouter(router, groups, popularity, seed, path).route(tokens_per_rank, tally);
  return std::move(tally).result();
}

RoutedBatch route_batch(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert,
                        std::int64_t tokens_per_rank, std::uint64_t seed, RoutingPath path) {
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(layout.ranks), tokens_per_rank);
  return route_batch(router, layout, rank_of_expert, tokens, seed, path);
}

}  // namespace moesim
