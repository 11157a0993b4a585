#pragma once

#include <optional>

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

// Where the choice puts the experts, having seen what it may see. The same for the same scenario.
ExpertPlacement place_experts(const LayerInput& input, const PlacementChoice& choice);

// Routes the layer's tokens to the experts where the scenario's placement puts them.
PlacedRouting route_placed(const LayerInput& input);

// Copies that the experts of each rank compute: [ranks].
std::vector<double> rank_tokens(const ExpertPlacement& placement, const RoutedBatch& batch);

// What a reader must know of how the placement was made.
void add_placement_caveats(const PlacementChoice& choice, RunResult& result);

}  // namespace moesim
