#include "scenarios/cluster_topology.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "scenarios/cluster_parts_json.hpp"
#include "scenarios/error.hpp"
#include "topologies/faulty_topology.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

constexpr std::size_t kPairsNamed = 3;

void check_fault_names(const Scenario& scenario, const JsonReader& reader, const Topology& topology) {
  for (std::size_t i = 0; i < scenario.cluster.faults.size(); ++i) {
    const Fault& fault = scenario.cluster.faults[i];
    const std::vector<std::string> names = fault_names(topology, fault.kind);
    if (std::find(names.begin(), names.end(), fault.name) != names.end()) continue;
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string example = names.empty() ? "" : fmt::format(", such as \"{}\"", names.front());
    throw InputError(reader.where(), fmt::format("/cluster/faults/{}/name", i), "\"" + fault.name + "\"",
                     fmt::format("what a {} can befall on this cluster{}{}", name(fault.kind), example,
                                 did_you_mean(fault.name, views)));
  }
}

UnreachablePairs unreachable_flows(const FlowsWorkload& workload, const Topology& topology) {
  UnreachablePairs pairs;
  for (const FlowRequest& flow : workload.flows) {
    if (topology.reachable(flow.source, flow.destination)) continue;
    ++pairs.count;
    if (pairs.first.size() < kPairsNamed) pairs.first.emplace_back(flow.source, flow.destination);
  }
  return pairs;
}

// Among the ranks that the workload lets send to each other.
UnreachablePairs unreachable(const Scenario& scenario, const Topology& topology) {
  if (const auto* flows = std::get_if<FlowsWorkload>(&scenario.workload)) return unreachable_flows(*flows, topology);
  const auto* collective = std::get_if<CollectiveWorkload>(&scenario.workload);
  if (collective == nullptr) return unreachable_pairs(topology, scenario.parallelism.ep, kPairsNamed);
  if (collective->op != CollectiveOp::send_recv) return unreachable_pairs(topology, collective->ranks, kPairsNamed);
  return unreachable_flows({{{collective->source, collective->destination, collective->bytes, {}}}}, topology);
}

}  // namespace

std::unique_ptr<Topology> build_topology(const Scenario& scenario) {
  const ClusterCard& card = scenario.cluster;
  auto topology = make_topology(card, scenario.gpu, card.nodes, scenario.seed);
  if (card.faults.empty()) return topology;
  return std::make_unique<FaultyTopology>(std::move(topology), card, scenario.seed);
}

void check_topology(const Scenario& scenario, const JsonReader& reader) {
  const ClusterCard& card = scenario.cluster;
  const TopologyKind* kind = find_topology_kind(card.kind);
  const bool whole = card.faults.empty() && !kind->is_graph && (!kind->has_planes || card.nvlink_forwarding);
  if (whole) return;  // Joined by construction.
  check_fault_names(scenario, reader, *make_topology(card, scenario.gpu, card.nodes, scenario.seed));
  const auto topology = build_topology(scenario);
  const UnreachablePairs pairs = unreachable(scenario, *topology);
  if (pairs.count == 0) return;
  std::string named;
  for (const auto& [source, destination] : pairs.first) {
    named += fmt::format("{}{} to {}", named.empty() ? "" : ", ", source.value, destination.value);
  }
  const bool more = pairs.count > static_cast<std::int64_t>(pairs.first.size());
  throw InputError(reader.where(), card.faults.empty() ? "/cluster" : "/cluster/faults",
                   fmt::format("{} {} that nothing joins: ranks {}{}", pairs.count, pairs.count == 1 ? "pair" : "pairs",
                               named, more ? ", .." : ""),
                   "a cluster that joins all ranks that send to each other");
}

}  // namespace moesim
