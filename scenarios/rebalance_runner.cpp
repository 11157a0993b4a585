#include "scenarios/rebalance_runner.hpp"

#include <algorithm>
#include <cmath>

#include "models/exchange/expert_moves.hpp"
#include "models/kernels/layer_memory.hpp"
#include "scenarios/exchange_runner.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/placed_routing.hpp"
#include "scenarios/run.hpp"

namespace moesim {
namespace {

RebalanceSide run_side(const Scenario& scenario, const RebalanceWorkload& workload, const PlacementChoice& placement) {
  Scenario layer = scenario;
  layer.workload = MoeLayerWorkload{.tokens_per_rank = workload.tokens_per_rank};
  layer.placement = placement;
  const RunResult result = run_scenario(layer);
  return {.layer = result.time,
          .rank_max_over_mean = result.load->rank_max_over_mean,
          .bytes_scale_out = result.dispatch->bytes_scale_out + result.combine->bytes_scale_out,
          .weights = result.memory->weights};
}

// Of one layer, as layer_memory() counts the weights.
Bytes expert_bytes(const LayerInput& input) {
  const double bytes = static_cast<double>(routed_expert_parameters(input.shape)) *
                       bytes_per_element(input.scenario.compute.weights_dtype);
  return {static_cast<std::int64_t>(std::ceil(bytes))};
}

std::optional<std::int64_t> break_even_steps(const RebalanceResult& rebalance, Picoseconds moving) {
  const std::int64_t saved = rebalance.before.layer.count - rebalance.after.layer.count;
  if (saved <= 0) return std::nullopt;
  return (moving.count + saved - 1) / saved;
}

std::optional<std::int64_t> break_even_tokens(const RebalanceResult& rebalance, std::int64_t tokens,
                                              Picoseconds moving) {
  const double saved = (rebalance.before.layer - rebalance.after.layer).seconds();
  if (saved <= 0) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(tokens) * moving.seconds() / saved));
}

}  // namespace

void run_rebalance(const Scenario& scenario, const RebalanceWorkload& workload, Simulator& simulator,
                   ClusterNetwork& network, RunResult& result) {
  const MoeLayerWorkload layer{.tokens_per_rank = workload.tokens_per_rank};
  const LayerInput input = layer_input(scenario, layer, network.topology());
  const LayerLoad load = first_load(input);
  const ExpertPlacement after = place_experts(input, scenario.placement, load);
  const std::vector<ExpertMove> moves = expert_moves(place_experts(input, workload.from, load), after, input.layout);
  ExchangeOptions options{.message_overhead = scenario.dispatch.message_overhead};
  const ExchangePlan plan = plan_expert_moves(moves, expert_bytes(input), input.layout, options);

  RebalanceResult rebalance{.before = run_side(scenario, workload, workload.from),
                            .after = run_side(scenario, workload, scenario.placement),
                            .experts_moved = std::ssize(moves),
                            .expert_slots = after.slots(),
                            .layers = scenario.model->moe_layers()};
  for (const Message& message : plan.messages) {
    (input.layout.same_node(message.source, message.destination) ? rebalance.bytes_scale_up
                                                                 : rebalance.bytes_scale_out) += message.bytes;
  }
  for (const Bytes bytes : received_bytes(plan, input.layout.ranks)) {
    rebalance.most_received = std::max(rebalance.most_received, bytes);
  }
  result.time = run_plan(plan, simulator, network, "move_experts");
  result.breakdown = {{"move_experts", result.time}};
  result.exposed_communication = result.time;
  rebalance.break_even_steps = break_even_steps(rebalance, result.time);
  rebalance.break_even_tokens_per_rank = break_even_tokens(rebalance, workload.tokens_per_rank, result.time);
  result.rebalance = rebalance;
  result.caveats.push_back({"rebalance_idle",
                            "Ranks do nothing else while weights move; a deployment that moves them beside its steps "
                            "loses less time, and holds the moved experts twice meanwhile."});
  add_router_caveat(input.router, result);
  add_placement_caveats(scenario.placement, result);
}

}  // namespace moesim
