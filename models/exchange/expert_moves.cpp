#include "models/exchange/expert_moves.hpp"

#include <algorithm>
#include <tuple>

#include "models/exchange/plan_builder.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// Of those that have the expert; `sent` [ranks] counts what each has sent so far.
RankId best_source(const ExpertPlacement& before, std::int32_t expert, RankId destination, const RankLayout& layout,
                   const std::vector<int>& sent) {
  const auto cost = [&](RankId rank) {
    return std::tuple{!layout.same_node(rank, destination), sent[rank.index()], rank};
  };
  RankId best;
  for (const std::int32_t slot : before.slots_of(expert)) {
    const RankId rank = before.rank_of(slot);
    if (!best.valid() || cost(rank) < cost(best)) best = rank;
  }
  return best;
}

}  // namespace

std::vector<ExpertMove> expert_moves(const ExpertPlacement& before, const ExpertPlacement& after,
                                     const RankLayout& layout) {
  MOESIM_CHECK(before.experts() == after.experts() && before.ranks() == layout.ranks && after.ranks() == layout.ranks,
               "{} experts on {} ranks, then {} on {}, of {}", before.experts(), before.ranks(), after.experts(),
               after.ranks(), layout.ranks);
  std::vector<ExpertMove> moves;
  std::vector<int> sent(static_cast<std::size_t>(layout.ranks));
  for (int r = 0; r < layout.ranks; ++r) {
    const RankId rank{r};
    const auto had = before.experts_on(rank);
    const auto needs = after.experts_on(rank);
    for (auto expert = needs.begin(); expert != needs.end(); ++expert) {
      const bool twice = std::find(needs.begin(), expert, *expert) != expert;
      if (twice || std::find(had.begin(), had.end(), *expert) != had.end()) continue;
      const RankId source = best_source(before, *expert, rank, layout, sent);
      ++sent[source.index()];
      moves.push_back({*expert, source, rank});
    }
  }
  return moves;
}

ExchangePlan plan_expert_moves(std::span<const ExpertMove> moves, Bytes expert, const RankLayout& layout,
                               const ExchangeOptions& options) {
  CountMatrix counts(layout.ranks, layout.ranks);
  for (const ExpertMove& move : moves) ++counts.at(move.source.value, move.destination.value);
  detail::PlanBuilder builder(options);
  for (int from = 0; from < layout.ranks; ++from) {
    for (int to = 0; to < layout.ranks; ++to) {
      if (counts.at(from, to) > 0) builder.add_call(RankId{from}, RankId{to}, counts.at(from, to) * expert);
    }
  }
  return builder.take();
}

}  // namespace moesim
