#include "scenarios/layer_price.hpp"

#include <algorithm>
#include <array>

#include "scenarios/equal_exchange.hpp"
#include "scenarios/exchange_runner.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/placed_routing.hpp"

namespace moesim {
namespace {

constexpr std::array kKernels{&MoeLayerCosts::depth,     &MoeLayerCosts::split,      &MoeLayerCosts::merge,
                              &MoeLayerCosts::gate,      &MoeLayerCosts::top_k,      &MoeLayerCosts::permute,
                              &MoeLayerCosts::expand,    &MoeLayerCosts::up,         &MoeLayerCosts::activation,
                              &MoeLayerCosts::down,      &MoeLayerCosts::up_weights, &MoeLayerCosts::down_weights,
                              &MoeLayerCosts::unpermute, &MoeLayerCosts::combine,    &MoeLayerCosts::shared};

// Kernel by kernel that of the rank where it takes longest.
MoeLayerCosts longest(const std::vector<RankCosts>& costs, MoeLayerCosts RankCosts::*pass) {
  MoeLayerCosts result = costs.front().*pass;
  for (const RankCosts& rank : costs) {
    for (const auto kernel : kKernels) {
      if (((rank.*pass).*kernel).time > (result.*kernel).time) result.*kernel = (rank.*pass).*kernel;
    }
  }
  return result;
}

Picoseconds alone(const ExchangePlan& plan, const Scenario& scenario, const Topology& topology, const LinkUse& use) {
  if (plan.messages.empty()) return {};
  Simulator simulator;
  ClusterNetwork network(simulator, topology, use);
  network.flows().set_tolerance(scenario.network.tolerance);
  if (const auto equal = equal_exchange(plan, network)) return equal->time;
  return run_plan(plan, simulator, network, "exchange");
}

}  // namespace

LayerPrice price_layer(const Scenario& scenario, std::int64_t tokens_per_rank, Direction direction,
                       const KernelModel& model, const Topology& topology, const LinkUse& use) {
  const MoeLayerWorkload workload{.tokens_per_rank = tokens_per_rank, .direction = direction};
  const LayerInput input = layer_input(scenario, workload, topology);
  const PlacedRouting routing = route_placed(input, first_load(input));
  const ExchangePlan dispatch = exchange_plan(input, ExchangeDirection::dispatch, routing.batch);
  const ExchangePlan combine = exchange_plan(input, ExchangeDirection::combine, routing.batch);
  const RankLoads loads = rank_loads(input, routing.batch, routing.placement);
  const std::vector<RankCosts> costs = rank_costs(input, model, loads);
  const ExchangeAlgorithm algorithm = scenario.dispatch.algorithm;

  LayerPrice price;
  if (direction != Direction::backward) price.forward = longest(costs, &RankCosts::forward);
  if (direction != Direction::forward) price.backward = longest(costs, &RankCosts::backward);
  price.dispatch = alone(dispatch, scenario, topology, use);
  price.combine = alone(combine, scenario, topology, use);
  price.dispatch_traffic =
      measure(dispatch, algorithm, routing.batch, input.dispatch, input.router.top_k, reach_limit(input));
  price.combine_traffic =
      measure(combine, algorithm, routing.batch, input.combine, input.router.top_k, reach_limit(input));
  price.load = load_result(input, routing.batch, routing.placement);
  price.memory = std::max_element(costs.begin(), costs.end(), [](const RankCosts& a, const RankCosts& b) {
                   return a.memory.total() < b.memory.total();
                 })->memory;
  price.recomputed_activations = price.memory.recomputed;
  price.shape = input.shape;
  price.caveats = moe_layer_caveats(model, input.shape, loads.most());
  return price;
}

}  // namespace moesim
