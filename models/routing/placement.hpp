#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "models/rank_layout.hpp"
#include "models/routing/placement/choice_statistics.hpp"
#include "models/routing/placement/expert_placement.hpp"
#include "models/routing/placement/replica_choice.hpp"
#include "sim/ids.hpp"

namespace moesim {

enum class PlacementKind {
  contiguous,    // Expert e is on rank e / (N / P).
  strided,       // Expert e is on rank e mod P.
  zigzag,        // Experts by falling load in groups of P: one group to ranks 0, 1, .., P - 1, the next one back.
  greedy,        // Experts by falling load, each to the least loaded rank that has a slot left.
  coactivation,  // Experts that tokens choose together on the same node (placement/coactivation.hpp).
  eplb,          // Redundant experts, replicated and packed by load (placement/eplb.hpp).
  duplicates,    // Contiguous, and copies of the busiest experts (placement/duplication.hpp).
};
std::optional<PlacementKind> placement_kind(std::string_view name);
std::string_view name(PlacementKind kind);

// Whether it depends on what the experts compute.
bool needs_loads(PlacementKind kind);

// Whether it can have redundant experts.
bool has_replicas(PlacementKind kind);

// Where each logical expert lives: rank_of_expert[experts]. `kind` needs no loads. Where `ranks` does
// not divide `experts`, as only replicas make even, contiguous ranks have one more or less.
std::vector<RankId> place_experts(PlacementKind kind, int experts, int ranks);

struct PlacementSpec {
  PlacementKind kind = PlacementKind::contiguous;
  int redundant_experts = 0;  // Physical experts beside the N logical ones. eplb, duplicates
  int groups = 1;             // Of neighbouring experts, kept whole on a node where they can be. eplb
  double load_slack = 0.1;    // What a node may carry beyond its fair share, of that. coactivation
  ReplicaChoice replicas = ReplicaChoice::even;
};

// `seen` are the tokens' choices that the placement is made for: unused where no loads are needed, with pairs for
// coactivation. The ranks divide N, and N + redundant experts.
ExpertPlacement place_experts(const PlacementSpec& spec, const RankLayout& layout, int experts,
                              const ChoiceStatistics& seen);

}  // namespace moesim
