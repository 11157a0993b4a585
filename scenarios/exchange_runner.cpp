#include "scenarios/exchange_runner.hpp"

#include <numeric>

#include "scenarios/layer_input.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/placed_routing.hpp"
#include "sim/task_graph.hpp"

namespace moesim {
namespace {

std::int64_t total(const CountMatrix& counts) {
  std::int64_t sum = 0;
  for (int row = 0; row < counts.rows(); ++row) {
    for (int column = 0; column < counts.columns(); ++column) sum += counts.at(row, column);
  }
  return sum;
}

void finish(Picoseconds time, std::string_view phase, RunResult& result) {
  result.time = time;
  result.breakdown = {{std::string(phase), time}};
  result.exposed_communication = time;
}

}  // namespace

CollectiveRequest collective_request(const CollectiveWorkload& workload, const ClusterCard& cluster) {
  return {.op = workload.op,
          .algorithm = workload.algorithm,
          .bytes = workload.bytes,
          .layout = {workload.ranks, cluster.ranks_per_node},
          .chunks = workload.chunks,
          .channels = cluster.nics_per_node > 0 ? cluster.nics_per_node : cluster.ranks_per_node,
          .source = workload.source,
          .destination = workload.destination};
}

Picoseconds run_plan(const ExchangePlan& plan, Simulator& simulator, ClusterNetwork& network, std::string_view phase) {
  TaskGraph graph(simulator, network.flows());
  const PhaseId id = graph.add_phase(phase);
  std::vector<TaskId> tasks;
  tasks.reserve(plan.messages.size());
  for (const Message& message : plan.messages) {
    const RouteId route = network.route(message.source, message.destination);
    tasks.push_back(graph.add_transfer(flow_spec(plan, message, route), id));
    for (std::int32_t i = 0; i < message.num_waits; ++i) {
      const std::int32_t wait = plan.waits[static_cast<std::size_t>(message.first_wait + i)];
      graph.depends(tasks.back(), tasks[static_cast<std::size_t>(wait)]);
    }
  }
  graph.run();
  return graph.makespan();
}

void run_exchange(const Scenario& scenario, const ExchangeWorkload& workload, Simulator& simulator,
                  ClusterNetwork& network, RunResult& result) {
  const MoeLayerWorkload layer{.tokens_per_rank = workload.tokens_per_rank};
  const LayerInput input = layer_input(scenario, layer, network.topology());
  const PlacedRouting routing = route_placed(input, first_load(input));
  const RoutedBatch& batch = routing.batch;
  const ExchangePlan plan = exchange_plan(input, workload.op, batch);
  const bool dispatch = workload.op == ExchangeDirection::dispatch;
  finish(run_plan(plan, simulator, network, dispatch ? "dispatch" : "combine"), dispatch ? "dispatch" : "combine",
         result);
  result.tokens = batch.tokens;
  result.copies = CopyCounts{.to_experts = total(batch.expert_copies),
                             .to_ranks = total(batch.rank_copies),
                             .to_nodes = total(batch.node_copies)};
  const WireFormat& format = dispatch ? input.dispatch : input.combine;
  (dispatch ? result.dispatch : result.combine) =
      measure(plan, scenario.dispatch.algorithm, batch, format, input.router.top_k, nodes_kept(input));
  result.placement = routing.result;
  add_placement_caveats(scenario.placement, result);
  add_router_caveat(input.router, result);
}

void run_collective(const Scenario& scenario, const CollectiveWorkload& workload, Simulator& simulator,
                    ClusterNetwork& network, RunResult& result) {
  ExchangeOptions options;
  if (scenario.dispatch.library) apply_library(*scenario.dispatch.library, ExchangeDirection::dispatch, 1, options);
  finish(run_plan(plan_collective(collective_request(workload, scenario.cluster), options), simulator, network,
                  name(workload.op)),
         name(workload.op), result);
  if (result.time.count == 0) return;
  const double algorithm = static_cast<double>(workload.bytes.count) / result.time.seconds() / 1e9;
  result.bandwidth = CollectiveBandwidth{.algorithm_gb_per_s = algorithm,
                                         .bus_gb_per_s = algorithm * bus_factor(workload.op, workload.ranks)};
}

}  // namespace moesim
