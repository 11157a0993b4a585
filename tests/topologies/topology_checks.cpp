#include "tests/topologies/topology_checks.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "topologies/torus.hpp"

namespace moesim::test {
namespace {

using Ends = std::pair<std::string, std::string>;

// Switch ports to NICs on an edge or leaf, from the definition: down/up = oversubscription, down + up = radix.
int down_ports(const ClusterCard& card) {
  return static_cast<int>(card.switch_radix * card.oversubscription / (1 + card.oversubscription) + 1e-9);
}

// The switch of the first tier that a NIC hangs on.
std::string switch_of(const ClusterCard& card, int node, int nic) {
  const int down = down_ports(card);
  if (card.kind == "fat_tree") {
    const int edge = (node * card.nics_per_node + nic) / down;
    return fmt::format("pod{}/edge{}", edge / (card.switch_radix / 2), edge % (card.switch_radix / 2));
  }
  const int in_rail = node * (card.nics_per_node / card.rails) + nic / card.rails;
  return fmt::format("rail{}/leaf{}", nic % card.rails, in_rail / down);
}

// "pod2/edge1->agg3" leads to "pod2/agg3": what stands after the arrow is in the same pod unless it names its own.
Ends arrow_ends(const std::string& name) {
  const auto arrow = name.find("->");
  const std::string from = name.substr(0, arrow);
  std::string to = name.substr(arrow + 2);
  const bool to_core = to.rfind("core", 0) == 0;
  if (from.rfind("pod", 0) == 0 && !to_core) to = from.substr(0, from.find('/') + 1) + to;
  return {from, to};
}

Ends chip_ends(const ClusterCard& card, int chips, const std::string& name) {
  const auto slash = name.find('/');
  const std::string chip = name.substr(0, slash);
  int at[3] = {0, 0, 0};
  const int read = std::sscanf(chip.c_str(), "chip(%d,%d,%d)", &at[0], &at[1], &at[2]);
  const std::vector<int> shape = torus_shape(card, chips);
  if (read != static_cast<int>(shape.size())) return {"?", "?"};
  if (name.find("on-chip") != std::string::npos) return {chip, chip};
  const std::size_t axis = static_cast<std::size_t>(name.back() - 'x');
  const int side = shape[axis];
  at[axis] = (at[axis] + (name[slash + 1] == '+' ? 1 : side - 1)) % side;
  return {chip, shape.size() == 2 ? fmt::format("chip({},{})", at[0], at[1])
                                  : fmt::format("chip({},{},{})", at[0], at[1], at[2])};
}

Ends ends_of(const ClusterCard& card, const Topology& topology, const std::string& name) {
  int node = 0;
  int port = 0;
  char tail[64] = "";
  if (name.find("->") != std::string::npos) return arrow_ends(name);
  if (name.rfind("chip", 0) == 0) return chip_ends(card, topology.num_ranks() / topology.ranks_per_node(), name);
  const std::string host = name.substr(0, name.find('/'));
  const bool out = name.substr(name.size() - 2) == "tx";
  Ends ends;
  if (std::sscanf(name.c_str(), "node%d/gpu%d/%63s", &node, &port, tail) == 3) {
    ends = {fmt::format("{}/gpu{}", host, port), host + "/switch"};
  } else if (std::sscanf(name.c_str(), "node%d/nic%d-%63s", &node, &port, tail) == 3) {
    ends = {fmt::format("{}/nic{}", host, port), switch_of(card, node, port)};
  } else {
    return {"?", "?"};
  }
  if (!out) std::swap(ends.first, ends.second);
  return ends;
}

// A rank is at its GPU and at its NIC at once: what lies between them (PCIe) is not modelled.
std::set<std::string> places(const ClusterCard& card, const Topology& topology, int rank) {
  const int node = rank / topology.ranks_per_node();
  const int local = rank % topology.ranks_per_node();
  if (card.kind == "torus") {
    const std::vector<int> shape = torus_shape(card, topology.num_ranks() / topology.ranks_per_node());
    const int x = node % shape[0];
    const int y = node / shape[0] % shape[1];
    return {shape.size() == 2 ? fmt::format("chip({},{})", x, y)
                              : fmt::format("chip({},{},{})", x, y, node / shape[0] / shape[1])};
  }
  std::set<std::string> result = {fmt::format("node{}/gpu{}", node, local)};
  if (card.nics_per_node > 0) {
    result.insert(fmt::format("node{}/nic{}", node, local * card.nics_per_node / card.ranks_per_node));
  }
  return result;
}

}  // namespace

GpuCard plain_gpu() {
  GpuCard gpu;
  gpu.name = "plain";
  gpu.scale_up_kind = "NVLink 4";
  gpu.scale_up_links = 18;
  gpu.scale_up_bandwidth = Bandwidth::gbyte_per_s(450);
  return gpu;
}

GpuCard plain_chip(int cores) {
  GpuCard gpu;
  gpu.name = "chip";
  gpu.ranks_per_chip = cores;
  gpu.scale_up_kind = "ICI";
  gpu.scale_up_links = 6;
  gpu.scale_up_bandwidth = Bandwidth::gbyte_per_s(300);
  return gpu;
}

ClusterCard switched_card(const std::string& kind, int ranks_per_node, int radix, int rails) {
  ClusterCard card;
  card.kind = kind;
  card.ranks_per_node = ranks_per_node;
  card.scale_up_latency = Picoseconds::from_us(0.25);
  if (kind == "single_node") return card;
  card.nics_per_node = ranks_per_node;
  card.nic_bandwidth = Bandwidth::gbyte_per_s(50);
  card.nic_latency = Picoseconds::from_us(1);
  card.switch_latency = Picoseconds::from_us(0.5);
  card.switch_radix = radix;
  card.rails = rails;
  return card;
}

ClusterCard torus_card(std::vector<int> dims, int cores) {
  ClusterCard card;
  card.kind = "torus";
  card.ranks_per_node = cores;
  card.scale_up_latency = Picoseconds::from_us(1);
  card.torus_dims = std::move(dims);
  card.on_chip_bandwidth = Bandwidth::gbyte_per_s(400);
  card.on_chip_latency = Picoseconds::from_us(0.5);
  return card;
}

std::vector<LinkId> route(const Topology& topology, int source, int destination) {
  std::vector<LinkId> links;
  topology.route(RankId(source), RankId(destination), links);
  return links;
}

Picoseconds latency(const Topology& topology, int source, int destination) {
  Picoseconds sum;
  for (const LinkId link : route(topology, source, destination)) sum += topology.links()[link.index()].latency;
  return sum;
}

std::string route_fault(const ClusterCard& card, const Topology& topology, int source, int destination) {
  const auto links = route(topology, source, destination);
  if (links.empty()) return "no links";
  std::set<std::string> here = places(card, topology, source);
  std::set<int> seen;
  for (const LinkId link : links) {
    if (link.value < 0 || link.index() >= topology.links().size()) return fmt::format("no link {}", link.value);
    const std::string& name = topology.links()[link.index()].name;
    if (!seen.insert(link.value).second) return name + " twice";
    const Ends ends = ends_of(card, topology, name);
    if (here.count(ends.first) == 0) return fmt::format("{} does not start at {}", name, *here.begin());
    here = {ends.second};
  }
  if (places(card, topology, destination).count(*here.begin()) == 0) return "ends at " + *here.begin();
  return "";
}

std::string walk_fault(const Topology& topology, int source, int destination, const std::vector<LinkId>& links) {
  const LinkGraph& graph = topology.graph();
  const auto name = [&](VertexId vertex) { return graph.vertices[vertex.index()].name; };
  const auto joined = [&](VertexId a, VertexId b) {
    return a == b || std::any_of(graph.joints.begin(), graph.joints.end(), [&](const Joint& joint) {
             return (joint.gpu == a && joint.nic == b) || (joint.gpu == b && joint.nic == a);
           });
  };
  if (links.empty()) return "no links";
  std::set<LinkId> seen;
  VertexId here = topology.vertex_of(RankId(source));
  for (const LinkId id : links) {
    if (id.value < 0 || id.index() >= graph.links.size()) return fmt::format("no link {}", id.value);
    const Link& link = graph.links[id.index()];
    if (!seen.insert(id).second) return link.name + " twice";
    if (!joined(here, link.from)) return fmt::format("{} does not start at {}", link.name, name(here));
    here = link.to;
  }
  if (!joined(here, topology.vertex_of(RankId(destination)))) return "ends at " + name(here);
  return "";
}

std::string name_fault(const Topology& topology) {
  const LinkGraph& graph = topology.graph();
  const auto starts = [](const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; };
  const auto ends = [](const std::string& text, const std::string& with) {
    return text.size() >= with.size() && text.compare(text.size() - with.size(), with.size(), with) == 0;
  };
  for (const Link& link : graph.links) {
    const std::string& from = graph.vertices[link.from.index()].name;
    const std::string& to = graph.vertices[link.to.index()].name;
    const auto arrow = link.name.find("->");
    bool right = true;
    if (arrow != std::string::npos) {
      const std::string left = link.name.substr(0, arrow);
      const std::string after = link.name.substr(arrow + 2, link.name.find('#') - arrow - 2);
      right = (left == from || starts(left, from + "/global")) && (after == to || ends(to, "/" + after));
      if (after != to) right = right && to.substr(0, to.find('/')) == from.substr(0, from.find('/'));
    } else if (ends(link.name, "-tx")) {
      right = starts(link.name, from);
    } else if (ends(link.name, "-rx")) {
      right = starts(link.name, to);
    }
    if (!right) return fmt::format("{} leads from {} to {}", link.name, from, to);
  }
  return "";
}

ClusterCard dragonfly_card(int p, int a, int h, int g) {
  ClusterCard card = switched_card("dragonfly", 1, p + a - 1 + h, 0);
  card.parameters = {{"nics_per_switch", p}, {"switches_per_group", a}, {"global_links_per_switch", h}, {"groups", g}};
  return card;
}

ClusterCard graph_card(int switches, const std::vector<std::pair<int, int>>& cables, int nodes) {
  ClusterCard card = switched_card("graph", 1, 0, 0);
  const auto name = [](int i) { return fmt::format("s{}", i); };
  for (int i = 0; i < switches; ++i) card.switches.push_back(name(i));
  for (const auto& [a, b] : cables) card.cables.push_back({name(a), name(b), card.nic_bandwidth, card.switch_latency});
  for (int node = 0; node < nodes; ++node) {
    card.cables.push_back(
        {fmt::format("node{}/nic0", node), name(node % switches), card.nic_bandwidth, card.switch_latency});
  }
  return card;
}

std::vector<std::int64_t> all_to_all_load(const Topology& topology) {
  std::vector<std::int64_t> load(topology.links().size(), 0);
  std::vector<LinkId> links;
  for (int source = 0; source < topology.num_ranks(); ++source) {
    for (int destination = 0; destination < topology.num_ranks(); ++destination) {
      if (source == destination) continue;
      links.clear();
      topology.route(RankId(source), RankId(destination), links);
      for (const LinkId link : links) ++load[link.index()];
    }
  }
  return load;
}

}  // namespace moesim::test
