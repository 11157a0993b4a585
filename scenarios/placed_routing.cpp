#include "scenarios/placed_routing.hpp"

#include "models/routing/load_sequence.hpp"
#include "models/routing/placement/load_bound.hpp"
#include "models/routing/route_batch.hpp"

namespace moesim {
std::vector<RankId> trained_places(const LayerInput& input, PlacementKind kind) {
  return place_experts(needs_loads(kind) ? PlacementKind::contiguous : kind, input.router.num_experts,
                       input.layout.ranks);
}

LayerLoad first_load(const LayerInput& input) {
  const std::vector<RankId> home = trained_places(input, input.scenario.placement.spec.kind);
  return LoadSequence(input.router, input.layout, home, input.workload.tokens_per_rank, 1, input.scenario.seed).load(0);
}

ExpertPlacement place_experts(const LayerInput& input, const PlacementChoice& choice, const LayerLoad& load) {
  const PlacementSpec& spec = choice.spec;
  const int experts = input.router.num_experts;
  if (!needs_loads(spec.kind)) return place_experts(spec, input.layout, experts, {});
  const std::vector<RankId> home = trained_places(input, spec.kind);
  const LoadSequence earlier(input.router, input.layout, home, input.workload.tokens_per_rank, input.workload.layers,
                             choice.load_seed.value_or(input.scenario.seed));
  const bool same_step = choice.load_steps == 0 && !choice.load_seed;
  const ChoiceStatistics seen = choice_statistics(
      input.router, input.layout, home, same_step ? load : earlier.load(load.layer),
      {.steps = choice.load_steps, .pairs = spec.kind == PlacementKind::coactivation}, input.scenario.routing_path);
  return place_experts(spec, input.layout, experts, seen);
}

PlacedRouting route_placed(const LayerInput& input, const LayerLoad& load) {
  const Scenario& scenario = input.scenario;
  const PlacementSpec& spec = scenario.placement.spec;
  const std::vector<RankId> trained = trained_places(input, spec.kind);
  PlacedRouting routing{place_experts(input, scenario.placement, load), {}, {}};
  routing.batch =
      route_batch(input.router, input.layout, trained, routing.placement, spec.replicas, load, scenario.routing_path);
  if (!needs_loads(spec.kind)) return routing;
  const std::vector<double> loads(routing.batch.expert_tokens.begin(), routing.batch.expert_tokens.end());
  const ExpertPlacement contiguous = placement_of(trained, input.layout.ranks);
  routing.result =
      PlacementResult{.contiguous_max_over_mean = max_over_mean(rank_loads(contiguous, loads)),
                      .max_over_mean = max_over_mean(rank_tokens(routing.placement, routing.batch)),
                      .least_max_over_mean = least_max_over_mean(loads, routing.placement.slots(), input.layout.ranks),
                      .experts_per_rank = routing.placement.slots_per_rank()};
  return routing;
}

std::vector<double> rank_tokens(const ExpertPlacement& placement, const RoutedBatch& batch) {
  std::vector<double> tokens(static_cast<std::size_t>(placement.ranks()));
  for (int slot = 0; slot < placement.slots(); ++slot) {
    tokens[placement.rank_of(slot).index()] += static_cast<double>(batch.slot_tokens[static_cast<std::size_t>(slot)]);
  }
  return tokens;
}

void add_placement_caveats(const PlacementChoice& choice, RunResult& result) {
  if (!needs_loads(choice.spec.kind)) return;
  if (choice.load_steps == 0) {
    result.caveats.push_back({"oracle_placement",
                              "Experts were placed for the loads of this very step, which no deployment knows "
                              "beforehand; set placement.loads to previous_steps."});
  } else if (!choice.load_seed) {
    result.caveats.push_back({"steady_loads",
                              "The steps that the placement was made for had the same popular experts as this one; "
                              "real loads drift. placement.load_seed shows a placement gone stale."});
  }
}

}  // namespace moesim
