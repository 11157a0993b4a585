#include "models/routing/placement.hpp"

#include <algorithm>
#include <array>

#include "models/routing/placement/balanced_packing.hpp"
#include "models/routing/placement/duplication.hpp"
#include "models/routing/placement/eplb.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::array<std::string_view, 7> kNames{"contiguous",   "strided", "zigzag",    "greedy",
                                                 "coactivation", "eplb",    "duplicates"};

ExpertPlacement zigzag(std::span<const double> loads, int ranks) {
  const std::vector<std::int32_t> order = falling_order(loads);
  const std::size_t per_rank = loads.size() / static_cast<std::size_t>(ranks);
  std::vector<std::int32_t> expert_of_slot(loads.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t group = i / static_cast<std::size_t>(ranks);
    const std::size_t place = i % static_cast<std::size_t>(ranks);
    const std::size_t rank = group % 2 == 0 ? place : static_cast<std::size_t>(ranks) - 1 - place;
    expert_of_slot[rank * per_rank + group] = order[i];
  }
  return {static_cast<int>(loads.size()), ranks, std::move(expert_of_slot)};
}

ExpertPlacement greedy(std::span<const double> loads, int ranks) {
  std::vector<std::int32_t> expert_of_slot;
  for (const auto& rank : pack_evenly(loads, ranks)) {
    expert_of_slot.insert(expert_of_slot.end(), rank.begin(), rank.end());
  }
  return {static_cast<int>(loads.size()), ranks, std::move(expert_of_slot)};
}

// A short last node is no node like the others, so that only the ranks are told apart.
int equal_nodes(const RankLayout& layout) { return layout.ranks % layout.ranks_per_node == 0 ? layout.nodes() : 1; }

}  // namespace

std::optional<PlacementKind> placement_kind(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<PlacementKind>(i);
  }
  return std::nullopt;
}

std::string_view name(PlacementKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

bool needs_loads(PlacementKind kind) { return kind != PlacementKind::contiguous && kind != PlacementKind::strided; }

bool has_replicas(PlacementKind kind) { return kind == PlacementKind::eplb || kind == PlacementKind::duplicates; }

std::vector<RankId> place_experts(PlacementKind kind, int experts, int ranks) {
  MOESIM_CHECK(ranks > 0 && experts > 0 && experts % ranks == 0, "{} experts on {} ranks", experts, ranks);
  MOESIM_CHECK(!needs_loads(kind), "{} without loads", name(kind));
  const int experts_per_rank = experts / ranks;
  std::vector<RankId> rank_of_expert;
  rank_of_expert.reserve(static_cast<std::size_t>(experts));
  for (int expert = 0; expert < experts; ++expert) {
    rank_of_expert.emplace_back(kind == PlacementKind::contiguous ? expert / experts_per_rank : expert % ranks);
  }
  return rank_of_expert;
}

ExpertPlacement place_experts(const PlacementSpec& spec, const RankLayout& layout, int experts,
                              const ChoiceStatistics& seen) {
  MOESIM_CHECK(!needs_loads(spec.kind) || std::ssize(seen.loads) == experts, "{} loads of {} experts",
               seen.loads.size(), experts);
  MOESIM_CHECK(has_replicas(spec.kind) || spec.redundant_experts == 0, "{} redundant experts of {}",
               spec.redundant_experts, name(spec.kind));
  switch (spec.kind) {
    case PlacementKind::contiguous:
    case PlacementKind::strided:
      return placement_of(place_experts(spec.kind, experts, layout.ranks), layout.ranks);
    case PlacementKind::zigzag:
      return zigzag(seen.loads, layout.ranks);
    case PlacementKind::greedy:
      return greedy(seen.loads, layout.ranks);
    case PlacementKind::coactivation:
      MOESIM_CHECK(seen.coactivation.has_value(), "{} without pairs", name(spec.kind));
      return place_by_coactivation(seen.loads, *seen.coactivation, layout, spec.load_slack);
    case PlacementKind::eplb:
      return eplb(seen.loads, {.slots = experts + spec.redundant_experts,
                               .groups = spec.groups,
                               .nodes = equal_nodes(layout),
                               .ranks = layout.ranks});
    case PlacementKind::duplicates:
      return duplicate_busiest(seen.loads, spec.redundant_experts, layout.ranks);
  }
  MOESIM_CHECK(false, "placement {}", static_cast<int>(spec.kind));
}

}  // namespace moesim
