#include "models/routing/route_batch.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "models/routing/batch_tally.hpp"
#include "models/routing/capacity.hpp"
#include "models/routing/load_sequence.hpp"
#include "models/routing/logit_source.hpp"
#include "models/routing/routing_policy.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

// Among which tokens a policy chooses, or a capacity counts.
enum class Scope { block, rank, batch };

Scope scope_of(const RouterSpec& router, bool needs_all_tokens) {
  if (router.capacity) return router.capacity->scope == Capacity::Scope::batch ? Scope::batch : Scope::rank;
  return needs_all_tokens ? Scope::rank : Scope::block;
}

// Takes the choices of tokens that are complete, as BatchTally::add() does.
using Sink = std::function<void(std::span<const BatchTally::Source>, const Choices&)>;

// One of the two ways to draw for tokens of one popularity.
struct Drawer {
  std::optional<ExpertRace> race;
  std::unique_ptr<LogitSource> source;
};

class BatchRouter {
 public:
  BatchRouter(const RouterSpec& router, const ExpertGroups& groups, const LayerLoad& load, RoutingPath path)
      : router_(router), load_(load) {
    const bool given = load.dealt || router.kind == RoutingKind::recorded;
    if (!given) {
      policy_ = make_policy(router, groups);
      all_ = drawer(load.popularity, groups, path);
      if (!load.hot_popularity.empty()) hot_ = drawer(load.hot_popularity, groups, path);
    }
    needs_all_tokens_ = policy_ && policy_->needs_all_tokens();
    scope_ = scope_of(router, needs_all_tokens_);
    // Only choices that can still be dropped need a share; expert_choice has its capacity inside.
    choices_.with_shares = router.capacity.has_value() && !needs_all_tokens_;
  }

  void route(const Sink& sink) {
    std::vector<BatchTally::Source> sources;
    std::int64_t batch_tokens = 0;
    for (std::size_t rank = 0; rank < load_.tokens_per_rank.size(); ++rank) {
      const std::int64_t tokens = load_.tokens_per_rank[rank];
      const RankId source{static_cast<std::int64_t>(rank)};
      sources.push_back({source, tokens});
      for (std::int64_t first = 0; first < tokens; first += detail::kTokensPerBlock) {
        const std::int64_t n = std::min<std::int64_t>(detail::kTokensPerBlock, tokens - first);
        if (policy_) {
          choose_block(rank, first / detail::kTokensPerBlock, static_cast<std::size_t>(n));
        } else {
          take_block(batch_tokens + first, static_cast<std::size_t>(n));
        }
        const BatchTally::Source block{source, n};
        if (scope_ == Scope::block) hand_over(std::span(&block, 1), n, sink);
      }
      if (scope_ == Scope::rank) hand_over(std::span(&sources.back(), 1), tokens, sink);
      batch_tokens += tokens;
    }
    if (scope_ == Scope::batch) hand_over(sources, batch_tokens, sink);
  }

 private:
  Drawer drawer(std::span<const double> popularity, const ExpertGroups& groups, RoutingPath path) const {
    Drawer result;
    if (path == RoutingPath::sampled && policy_->can_sample()) {
      result.race.emplace(popularity, groups);
    } else {
      result.source = path == RoutingPath::sampled ? make_sampled_logits(router_, popularity)
                                                   : make_feature_logits(router_, popularity, load_.gate_seed);
    }
    return result;
  }

  void choose_block(std::size_t rank, std::int64_t block, std::size_t tokens) {
    detail::TokenRandom random(load_.seed,
                               detail::stream_of(detail::StreamUse::tokens, rank, static_cast<std::uint64_t>(block)));
    const std::int64_t first = block * detail::kTokensPerBlock;
    for (std::size_t done = 0; done < tokens;) {
      const bool hot = load_.is_hot(first + static_cast<std::int64_t>(done));
      std::size_t end = load_.hot_popularity.empty() ? tokens : done + 1;
      while (end < tokens && load_.is_hot(first + static_cast<std::int64_t>(end)) == hot) ++end;
      Drawer& drawer = hot ? hot_ : all_;
      if (drawer.race) {
        policy_->sample(*drawer.race, end - done, random, choices_);
      } else {
        drawer.source->append(end - done, random, logits_);
      }
      done = end;
    }
    if (!all_.race && !needs_all_tokens_) choose_from_logits(random);
  }

  // Choices that are not drawn. `first` counts tokens over all ranks. They have no scores: all of them weigh the same.
  void take_block(std::int64_t first, std::size_t tokens) {
    const auto k = static_cast<std::size_t>(router_.top_k);
    std::size_t slot = choices_.append(tokens, router_.top_k);
    for (std::size_t t = 0; t < tokens; ++t, slot += k) {
      const std::int64_t token = first + static_cast<std::int64_t>(t);
      for (std::size_t i = 0; i < k; ++i) {
        const std::int64_t in_turn = token * router_.top_k + static_cast<std::int64_t>(i);
        choices_.experts[slot + i] = load_.dealt ? static_cast<std::int32_t>(in_turn % router_.num_experts)
                                                 : router_.recorded->row(load_.step, load_.layer, token)[i];
        if (choices_.with_shares) choices_.shares[slot + i] = 1 / static_cast<float>(router_.top_k);
      }
    }
  }

  void choose_from_logits(detail::TokenRandom& random) {
    policy_->choose(logits_, random, choices_);
    logits_.logits.clear();
    logits_.noise_logits.clear();
  }

  // The scope is complete: what had to wait for all its tokens, and then the counts.
  void hand_over(std::span<const BatchTally::Source> sources, std::int64_t tokens, const Sink& sink) {
    if (tokens == 0) return;
    if (needs_all_tokens_) {
      detail::TokenRandom random(load_.seed, detail::stream_of(detail::StreamUse::scope, sources.front().rank.index()));
      choose_from_logits(random);
    } else if (router_.capacity) {
      drop_overflow(router_.num_experts, capacity_slots(router_, tokens), choices_);
    }
    sink(sources, choices_);
    choices_.clear();
  }

  const RouterSpec& router_;
  const LayerLoad& load_;
  std::unique_ptr<RoutingPolicy> policy_;  // None where nothing is drawn.
  bool needs_all_tokens_ = false;
  Scope scope_ = Scope::block;
  Drawer all_;
  Drawer hot_;
  LogitBlock logits_;
  Choices choices_;
};

void route_to(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> home, const LayerLoad& load,
              RoutingPath path, const Sink& sink) {
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
