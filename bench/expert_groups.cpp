// Expert-parallel groups of one cluster that dispatch at once, each its own routed tokens: CPU seconds of each step
// from the tokens to the end of the last message. DeepSeek-V3's router (256 experts, 8 a token, at most 4 of 8 groups
// of experts), 4,096 tokens a rank, FP8 with scales, two hops, on h800-ib: nodes of 8, rails.
//
//   expert_groups [GROUPS [RANKS_OF_GROUP [REPEATS [TOLERANCE]]]]
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/deepseek_v3_router.hpp"
#include "models/exchange/exchange_plan.hpp"
#include "models/routing/placement.hpp"
#include "models/routing/route_batch.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/cluster_network.hpp"
#include "sim/task_graph.hpp"
#include "topologies/topology_kind.hpp"

namespace {

using namespace moesim;

constexpr std::int64_t kTokensPerRank = 4096;
constexpr std::int64_t kHidden = 7168;

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Times {
  double routing = 0;
  double planning = 0;
  double graph = 0;
  double simulation = 0;
};

struct Outcome {
  Times cpu;
  std::size_t messages = 0;
  std::uint64_t sharings = 0;
  Picoseconds end;
};

// Messages of the group whose first rank is `first`, in the graph of all.
void add_group(TaskGraph& graph, ClusterNetwork& network, const ExchangePlan& plan, int first, PhaseId phase) {
  std::vector<TaskId> tasks;
  tasks.reserve(plan.messages.size());
  for (const Message& message : plan.messages) {
    const RouteId route =
        network.route(RankId{first + message.source.value}, RankId{first + message.destination.value});
    tasks.push_back(graph.add_transfer(flow_spec(plan, message, route), phase));
    for (std::int32_t i = 0; i < message.num_waits; ++i) {
      const std::int32_t wait = plan.waits[static_cast<std::size_t>(message.first_wait + i)];
      graph.depends(tasks.back(), tasks[static_cast<std::size_t>(wait)]);
    }
  }
}

Outcome run(const Topology& topology, int groups, int ranks, double tolerance) {
  Outcome outcome;
  const RankLayout layout{.ranks = ranks, .ranks_per_node = topology.ranks_per_node()};
  const RouterSpec spec = bench::deepseek_v3_router();
  const auto placement = place_experts(PlacementKind::contiguous, spec.num_experts, ranks);
  double at = cpu_s();
  const auto lap = [&at] {
    const double before = at;
    at = cpu_s();
    return at - before;
  };
  std::vector<RoutedBatch> batches;
  for (int g = 0; g < groups; ++g) {
    batches.push_back(route_batch(spec, layout, placement, kTokensPerRank, static_cast<std::uint64_t>(g + 1)));
  }
  outcome.cpu.routing = lap();
  const WireFormat format = wire_format(kHidden, DataType::fp8, normal_dispatch_metadata(spec.top_k));
  std::vector<ExchangePlan> plans;
  for (const RoutedBatch& batch : batches) {
    plans.push_back(plan_exchange(ExchangeAlgorithm::two_hop, ExchangeDirection::dispatch, batch, format));
    outcome.messages += plans.back().messages.size();
  }
  outcome.cpu.planning = lap();
  Simulator simulator;
  ClusterNetwork network(simulator, topology);
  if (tolerance > 0) network.flows().set_tolerance(tolerance);
  TaskGraph graph(simulator, network.flows());
  const PhaseId phase = graph.add_phase("dispatch");
  for (int g = 0; g < groups; ++g) add_group(graph, network, plans[static_cast<std::size_t>(g)], g * ranks, phase);
  outcome.cpu.graph = lap();
  graph.run();
  outcome.cpu.simulation = lap();
  outcome.sharings = network.flows().sharings();
  outcome.end = graph.makespan();
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  const int groups = argc > 1 ? std::atoi(argv[1]) : 32;
  const int ranks = argc > 2 ? std::atoi(argv[2]) : 64;
  const int repeats = argc > 3 ? std::atoi(argv[3]) : 5;
  const double tolerance = argc > 4 ? std::atof(argv[4]) : 0;
  const ClusterSource cluster = read_cluster_source("h800-ib", ".", "");
  const auto topology = make_topology(cluster.card, cluster.gpu,
                                      (groups * ranks + cluster.card.ranks_per_node - 1) / cluster.card.ranks_per_node);
  std::vector<Outcome> outcomes;
  for (int i = 0; i < repeats; ++i) outcomes.push_back(run(*topology, groups, ranks, tolerance));
  fmt::print("{} groups of {} ranks, {} messages, {} sharings, tolerance {}, makespan {:.3f} us\n", groups, ranks,
             outcomes[0].messages, outcomes[0].sharings, tolerance, outcomes[0].end.seconds() * 1e6);
  const auto row = [&](const std::string& name, auto value) {
    std::vector<double> values;
    for (const Outcome& outcome : outcomes) values.push_back(value(outcome.cpu));
    const auto [least, most] = std::ranges::minmax(values);
    fmt::print("{:<36} {:>8.3f} CPU s   {:.3f} to {:.3f} in {} runs\n", name, median(values), least, most, repeats);
  };
  row("routing", [](const Times& t) { return t.routing; });
  row("plans", [](const Times& t) { return t.planning; });
  row("task graph, routes", [](const Times& t) { return t.graph; });
  row("simulation", [](const Times& t) { return t.simulation; });
  row("plans, graph and simulation", [](const Times& t) { return t.planning + t.graph + t.simulation; });
}
