#include "scenarios/run.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "scenarios/cluster_network.hpp"
#include "scenarios/cluster_topology.hpp"
#include "scenarios/exchange_runner.hpp"
#include "scenarios/flow_runner.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/rebalance_runner.hpp"
#include "scenarios/timeline.hpp"

namespace moesim {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Every link that carried anything, busiest first.
std::vector<LinkResult> link_results(const ClusterNetwork& network, double tolerance, Picoseconds time) {
  std::vector<LinkResult> results;
  const auto links = network.topology().links();
  for (std::size_t i = 0; i < links.size(); ++i) {
    const Bytes bytes = network.bytes_carried(LinkId{static_cast<std::int64_t>(i)});
    if (bytes.count == 0) continue;
    const double utilization = static_cast<double>(bytes.count) / (links[i].capacity.bytes_per_s() * time.seconds());
    // More would be a sharing that gave a link more than it has; with a tolerance, flows about to end may for a moment.
    MOESIM_CHECK(tolerance > 0 || utilization <= 1 + 1e-6, "{} carried {} of its capacity", links[i].name, utilization);
    results.push_back({.name = links[i].name, .bytes = bytes, .utilization = std::min(utilization, 1.0)});
  }
  std::sort(results.begin(), results.end(), [](const LinkResult& a, const LinkResult& b) {
    return a.utilization != b.utilization ? a.utilization > b.utilization : a.name < b.name;
  });
  return results;
}

LinkUse link_use(const Scenario& scenario) {
  const auto& library = scenario.dispatch.library;
  // Weights move by plain copies, not by the kernels of the exchange.
  if (!library || std::holds_alternative<RebalanceWorkload>(scenario.workload)) return {};
  return {.scale_up = library->constant_or("scale_up_efficiency", 1),
          .scale_out = library->constant_or("scale_out_efficiency", 1)};
}

// Cards without a measured fraction let links run at the rate of the data sheet, which none reaches.
void add_nominal_links(const ClusterCard& cluster, const LinkUse& use, RunResult& result) {
  const bool scale_up = cluster.ranks_per_node > 1 || !cluster.torus_dims.empty();
  const bool scale_out = cluster.nodes > 1 && cluster.nics_per_node > 0;
  std::string which;
  if (scale_up && cluster.scale_up_efficiency * use.scale_up == 1) which = "scale_up_efficiency";
  if (scale_out && cluster.scale_out_efficiency * use.scale_out == 1)
    which += which.empty() ? "scale_out_efficiency" : " and scale_out_efficiency";
  if (which.empty()) return;
  result.caveats.push_back({"nominal_links", fmt::format("Links of {} run at their nominal rate: {} is 1, not a "
                                                         "measured fraction.",
                                                         cluster.name, which)});
}

void add_library(const Scenario& scenario, RunResult& result) {
  const auto& library = scenario.dispatch.library;
  if (!library) return;
  const auto count = [&](ConstantOrigin origin) {
    return std::count_if(library->constants.begin(), library->constants.end(),
                         [origin](const LibraryConstant& c) { return c.origin == origin; });
  };
  const auto borrowed = count(ConstantOrigin::borrowed);
  const std::string others = borrowed == 0 ? "" : fmt::format(", {} more taken from the fit of another card", borrowed);
  result.caveats.push_back(
      {"exchange_library",
       fmt::format("Exchanges are those of {}: {} of the {} constants of its card {} were fitted{}.",
                   library->description, count(ConstantOrigin::fitted), library->constants.size(), library->name,
                   others)});
}

void add_tolerance(double tolerance, RunResult& result) {
  if (tolerance == 0) return;
  result.caveats.push_back(
      {"network_tolerance",
       fmt::format("What a message takes of its links is given to others up to {} of its age before or after it ends. "
                   "Between those moments rates are exact; ends are off by that much for nearly all messages, by a few "
                   "times as much for single ones.",
                   tolerance)});
}

}  // namespace

RunResult run_scenario(const Scenario& scenario, const RunOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  const std::unique_ptr<Topology> topology = build_topology(scenario);
  Simulator simulator;
  ClusterNetwork network(simulator, *topology, link_use(scenario));
  network.flows().set_tolerance(scenario.network.tolerance);
  std::optional<Timeline> timeline;
  if (options.trace != nullptr) {
    timeline.emplace(*options.trace, *topology);
    network.flows().set_observer(&timeline->links());
  }

  RunResult result;
  result.scenario = scenario;
  std::visit(
      Overloaded{
          [&](const FlowsWorkload& flows) { run_flows(flows, simulator, network, result); },
          [&](const AllToAllWorkload& all) { run_all_to_all(scenario, all, simulator, network, result); },
          [&](const MoeLayerWorkload& layer) {
            run_moe_steps(scenario, layer, link_use(scenario), simulator, network, timeline ? &*timeline : nullptr,
                          result);
          },
          [&](const ExchangeWorkload& exchange) { run_exchange(scenario, exchange, simulator, network, result); },
          [&](const CollectiveWorkload& collective) {
            run_collective(scenario, collective, simulator, network, result);
          },
          [&](const RebalanceWorkload& rebalance) { run_rebalance(scenario, rebalance, simulator, network, result); }},
      scenario.workload);
  result.events = simulator.events_run();
  result.links = link_results(network, scenario.network.tolerance, result.time);
  add_nominal_links(scenario.cluster, link_use(scenario), result);
  add_library(scenario, result);
  add_tolerance(scenario.network.tolerance, result);
  if (timeline) {
    timeline->finish(result.time);
    options.trace->sort();
  }
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return result;
}

}  // namespace moesim
