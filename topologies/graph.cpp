#include "topologies/graph.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "sim/check.hpp"
#include "topologies/graph_fabric.hpp"

namespace moesim {
namespace {

// A cable of the card, and which NIC it hangs on a switch, if that is what it does.
struct Ends {
  std::optional<NicPlace> nic;
  std::string_view a;  // Switches; `a` is empty where there is a NIC.
  std::string_view b;
};

Ends ends_of(const Cable& cable) {
  if (const auto nic = nic_place(cable.a)) return {nic, {}, cable.b};
  if (const auto nic = nic_place(cable.b)) return {nic, {}, cable.a};
  return {std::nullopt, cable.a, cable.b};
}

// Cables of nodes that are not there hang loose.
bool is_used(const Ends& ends, std::int64_t nodes) { return !ends.nic || ends.nic->node < nodes; }

std::unique_ptr<Fabric> make(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph) {
  std::unordered_map<std::string_view, int> number;
  std::vector<VertexId> vertices;
  for (const std::string& name : card.switches) {
    number.emplace(name, static_cast<int>(number.size()));
    vertices.push_back(graph.add_vertex({name}));
  }
  const auto at = [&](std::string_view name) { return number.at(name); };
  std::vector<int> switch_of_nic(static_cast<std::size_t>(ports.num_nics()), -1);
  std::vector<GraphFabric::Cable> cables;
  std::map<std::pair<int, int>, int> parallel;
  for (const Cable& cable : card.cables) {
    const Ends ends = ends_of(cable);
    if (!is_used(ends, nodes)) continue;
    if (ends.nic) {
      const int nic = ends.nic->node * card.nics_per_node + ends.nic->nic;
      switch_of_nic[static_cast<std::size_t>(nic)] = at(ends.b);
      ports.attach(nic, vertices[static_cast<std::size_t>(at(ends.b))], cable.bandwidth, cable.latency);
      continue;
    }
    const int a = at(ends.a);
    const int b = at(ends.b);
    const int before = parallel[std::minmax(a, b)]++;
    const std::string suffix = before == 0 ? "" : fmt::format("#{}", before + 1);
    const Bandwidth bandwidth = card.scale_out_efficiency * cable.bandwidth;
    const auto add = [&](std::string_view from, std::string_view to) {
      return graph.add_link({fmt::format("{}->{}{}", from, to, suffix), bandwidth, cable.latency, LinkClass::scale_out,
                             vertices[static_cast<std::size_t>(at(from))], vertices[static_cast<std::size_t>(at(to))]});
    };
    const LinkId there = add(ends.a, ends.b);
    cables.push_back({a, b, there, add(ends.b, ends.a)});
  }
  return std::make_unique<GraphFabric>(static_cast<int>(card.switches.size()), cables, std::move(switch_of_nic));
}

std::int64_t switch_cables(const ClusterCard& card) {
  return std::count_if(card.cables.begin(), card.cables.end(), [](const Cable& cable) { return !ends_of(cable).nic; });
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  return NodePorts::num_links(card, nodes) + 2 * switch_cables(card);
}

// Nodes from the first on that have a cable at every NIC.
std::int64_t max_nodes(const ClusterCard& card) {
  std::map<int, int> cabled;  // By node.
  for (const Cable& cable : card.cables) {
    if (const auto nic = ends_of(cable).nic) ++cabled[nic->node];
  }
  int nodes = 0;
  while (cabled.count(nodes) > 0 && cabled[nodes] == card.nics_per_node) ++nodes;
  return nodes;
}

// A card says nothing of a switch but which cables it has: its radix here is the number of them.
BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) {
  std::map<std::string_view, int> ports;
  for (const Cable& cable : card.cables) {
    const Ends ends = ends_of(cable);
    if (!is_used(ends, nodes)) continue;
    ++ports[ends.b];
    if (!ends.nic) ++ports[ends.a];
  }
  std::map<int, std::int64_t, std::greater<>> switches;  // By radix.
  for (const std::string& name : card.switches) ++switches[ports[name]];
  BillOfMaterials bill;
  bill.endpoints = bill.endpoint_cables = num_nics(card, nodes);
  bill.copper_endpoint_cables = card.copper_endpoint_cables;
  bill.switch_cables = switch_cables(card);
  for (const auto& [radix, count] : switches) bill.switches.push_back({"switch", radix, count});
  return bill;
}

}  // namespace

std::optional<NicPlace> nic_place(std::string_view name) {
  const auto read = [&](std::string_view word, int& value) {
    if (name.substr(0, word.size()) != word) return false;
    name.remove_prefix(word.size());
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    if (error != std::errc()) return false;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
    return value >= 0;
  };
  NicPlace place{};
  if (!read("node", place.node) || !read("/nic", place.nic) || !name.empty()) return std::nullopt;
  return place;
}

TopologyKind graph_kind() {
  return {.name = "graph",
          .has_switches = true,
          .is_graph = true,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill};
}

}  // namespace moesim
