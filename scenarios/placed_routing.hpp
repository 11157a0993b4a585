#pragma once

#include <optional>
#include <vector>

#include "models/routing/layer_load.hpp"
#include "models/routing/placement/expert_placement.hpp"
#include "models/routing/routed_batch.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/result.hpp"

namespace moesim {

// A layer's tokens, routed, and the places that its experts have.
struct PlacedRouting {
  ExpertPlacement placement;
  RoutedBatch batch;
  std::optional<PlacementResult> result;  // Where the placement was made for loads.
};

// Where the router was trained to find the experts: [experts]. Placements by load move them afterwards.
std::vector<RankId> trained_places(const LayerInput& input, PlacementKind kind);

// What the first layer of the workload sees in the first step.
LayerLoad first_load(const LayerInput& input);

// Where the choice puts the experts of the layer that `load` is of, having seen what it may see: the steps before the
// first, or `load` itself. The same for the same scenario; later steps find the experts where the first did.
ExpertPlacement place_experts(const LayerInput& input, const PlacementChoice& choice, const LayerLoad& load);

// Routes the tokens of `load` to the experts where the scenario's placement puts them.
PlacedRouting route_placed(const LayerInput& input, const LayerLoad& load);

// Copies that the experts of each rank compute: [ranks].
std::vector<double> rank_tokens(const ExpertPlacement& placement, const RoutedBatch& batch);

// What a reader must know of how the placement was made.
void add_placement_caveats(const PlacementChoice& choice, RunResult& result);

}  // namespace moesim
