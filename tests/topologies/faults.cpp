// Faults: what is dead carries nothing, what is slow carries less, and all else stays as it was.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"
#include "topologies/faulty_topology.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

using Kind = Fault::Kind;

std::unique_ptr<Topology> broken(ClusterCard card, int nodes, std::vector<Fault> faults, std::uint64_t seed = 1) {
  card.faults = std::move(faults);
  const GpuCard gpu = card.kind == "torus" ? plain_chip(card.ranks_per_node) : plain_gpu();
  return std::make_unique<FaultyTopology>(make_topology(card, gpu, nodes, seed), card, seed);
}

std::vector<std::pair<ClusterCard, int>> clusters() {
  ClusterCard two_gpus_a_nic = switched_card("rail_optimized", 4, 8, 2);
  two_gpus_a_nic.nics_per_node = 2;
  ClusterCard pcie = switched_card("rail_optimized", 2, 8, 2);
  pcie.pcie_bandwidth = Bandwidth::gbyte_per_s(64);
  ClusterCard planes = switched_card("multi_plane", 2, 4, 0);
  planes.parameters = {{"planes", 2}};
  planes.nvlink_forwarding = true;
  ClusterCard ecmp = switched_card("fat_tree", 2, 4, 0);
  ecmp.path_choice = PathChoice::ecmp;
  return {{switched_card("rail_optimized", 2, 4, 2), 4},
          {two_gpus_a_nic, 5},
          {pcie, 5},
          {planes, 4},
          {switched_card("fat_tree", 2, 4, 0), 7},
          {ecmp, 7},
          {dragonfly_card(1, 3, 1, 4), 12},
          {graph_card(5, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}}, 8), 8},
          {torus_card({3, 4}, 2), 12},
          {switched_card("single_node", 4, 0, 0), 1}};
}

std::vector<Fault> random_faults(const Topology& topology, Rng& rng, int count) {
  const Kind kinds[] = {Kind::link_down, Kind::nic_down, Kind::switch_down, Kind::link_slow, Kind::gpu_slow};
  std::map<std::pair<Kind, std::string>, Fault> faults;
  for (int i = 0; i < count; ++i) {
    const Kind kind = kinds[rng.below(5)];
    const auto names = fault_names(topology, kind);
    if (names.empty()) continue;
    const std::string& name = names[rng.below(static_cast<std::uint32_t>(names.size()))];
    faults[{kind, name}] = {kind, name, 0.5};
  }
  std::vector<Fault> list;
  for (const auto& [key, fault] : faults) list.push_back(fault);
  return list;
}

// By its own reading of the names, which links a fault takes away.
bool kills(const Topology& topology, const std::vector<Fault>& faults, const Link& link) {
  const auto& vertices = topology.graph().vertices;
  return std::any_of(faults.begin(), faults.end(), [&](const Fault& fault) {
    if (fault.kind == Kind::link_down) return fault.name == link.name;
    if (fault.kind != Kind::nic_down && fault.kind != Kind::switch_down) return false;
    return vertices[link.from.index()].name == fault.name || vertices[link.to.index()].name == fault.name;
  });
}

// Whether anything leads from one rank to another over links that are left: through the source's node, the fabric and
// the destination's node, in this order, and through a NIC only into the fabric or out of it.
bool flood(const Topology& topology, const std::vector<Fault>& faults, int source, int destination) {
  const LinkGraph& graph = topology.graph();
  const VertexId end = topology.vertex_of(RankId(destination));
  const VertexId begin = topology.vertex_of(RankId(source));
  const int end_node = graph.vertices[end.index()].node;
  const auto node = [&](VertexId vertex) { return graph.vertices[vertex.index()].node; };
  const auto is_nic = [&](VertexId vertex) { return graph.vertices[vertex.index()].kind == Vertex::Kind::nic; };
  std::set<std::pair<VertexId, int>> seen = {{begin, 0}};  // Stage 0: before the fabric; 1: in it; 2: behind it.
  std::vector<std::pair<VertexId, int>> todo = {{begin, 0}};
  const auto visit = [&](VertexId vertex, int stage) {
    if (seen.insert({vertex, stage}).second) todo.emplace_back(vertex, stage);
  };
  while (!todo.empty()) {
    const auto [here, stage] = todo.back();
    todo.pop_back();
    if (here == end) return true;
    for (const Link& link : graph.links) {
      if (link.from != here || kills(topology, faults, link)) continue;
      if (topology.nodes_forward()) {
        visit(link.to, 0);
      } else if (node(link.to) == Vertex::kBetweenNodes) {
        if (stage != 2) visit(link.to, 1);
      } else if (node(here) == Vertex::kBetweenNodes) {
        if (node(link.to) == end_node) visit(link.to, 2);
      } else if (is_nic(here) ? stage == 2 : stage == 0 || !is_nic(link.to)) {
        visit(link.to, stage);
      }
    }
    for (const Joint& joint : graph.joints) {
      if (joint.gpu == here && stage == 0) visit(joint.nic, stage);
      if (joint.nic == here && stage == 2) visit(joint.gpu, stage);
    }
  }
  return false;
}

}  // namespace

TEST_CASE("random faults: no route uses what is dead, and there is one whenever anything is left", "[property]") {
  for (const auto& [card, nodes] : clusters()) {
    const auto whole = broken(card, nodes, {});
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      Rng rng(seed, 3);
      const auto faults = random_faults(*whole, rng, 1 + static_cast<int>(seed));
      INFO(card.kind << " of " << nodes << " nodes, seed " << seed);
      const auto topology = broken(card, nodes, faults, seed);
      const int ranks = topology->num_ranks();
      for (int pair = 0; pair < ranks * ranks; ++pair) {
        const int source = pair / ranks;
        const int destination = pair % ranks;
        const VertexId from = topology->vertex_of(RankId(source));
        if (from == topology->vertex_of(RankId(destination))) continue;
        INFO("from rank " << source << " to rank " << destination);
        const bool reachable = topology->reachable(RankId(source), RankId(destination));
        REQUIRE(reachable == flood(*topology, faults, source, destination));
        if (!reachable) continue;
        const auto links = route(*topology, source, destination);
        REQUIRE(walk_fault(*topology, source, destination, links).empty());
        REQUIRE(route(*topology, source, destination) == links);
        for (const LinkId link : links) REQUIRE_FALSE(kills(*topology, faults, topology->links()[link.index()]));
        // What the faults do not touch stays where it was.
        const std::vector<LinkId> before = route(*whole, source, destination);
        const bool hit = std::any_of(before.begin(), before.end(), [&](LinkId link) {
          return kills(*topology, faults, topology->links()[link.index()]);
        });
        if (!hit && card.path_choice == PathChoice::deterministic) REQUIRE(links == before);
      }
    }
  }
}

TEST_CASE("a lost spine's traffic is spread over the others", "[oracle]") {
  // Radix 16, 2 rails, 16 nodes: 8 NICs a leaf, 8 spines, 4 leaves. 8 x (32 - 8) flows of each leaf go over 8 spines;
  // then over 7.
  const ClusterCard card = switched_card("rail_optimized", 2, 16, 2);
  const auto whole = broken(card, 16, {});
  const auto topology = broken(card, 16, {{Kind::switch_down, "spine3", 1}});
  const auto before = all_to_all_load(*whole);
  const auto after = all_to_all_load(*topology);
  std::map<std::string, std::int64_t> up;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const std::string& name = topology->links()[i].name;
    if (name.find("spine3") != std::string::npos) {
      CHECK(before[i] > 0);
      CHECK(after[i] == 0);
    } else {
      CHECK(after[i] >= before[i]);
    }
    if (name.find("->spine") != std::string::npos) up[name.substr(name.find("spine"))] += after[i];
  }
  std::int64_t sum = 0;
  for (const auto& [spine, flows] : up) sum += flows;
  CHECK(sum == std::int64_t{4} * 8 * (32 - 8) - 4 * 8 * 1);  // Less the partner in the own node, on the other rail.
  // 768 - 32 flows before, 92 on each spine: 92 move, to 4 of the 7 others, one for each destination of spine 3.
  for (const auto& [spine, flows] : up) CHECK((spine == "spine3" ? flows == 0 : flows == 92 || flows == 92 + 23));
}

TEST_CASE("one switch of a trunk that is down takes its part of the trunk", "[oracle]") {
  ClusterCard card = switched_card("rail_optimized", 2, 16, 2);
  card.path_choice = PathChoice::adaptive;
  const auto topology = broken(card, 16, {{Kind::switch_down, "spine3", 1}, {Kind::switch_down, "spine6", 1}});
  for (const Link& link : topology->links()) {
    if (link.name.find("spines") != std::string::npos) CHECK(link.capacity.gbyte_per_s() == Approx(50 * 6));
  }
  CHECK(unreachable_pairs(*topology, 32, 1).count == 0);
  std::vector<Fault> all;
  for (int i = 0; i < 8; ++i) all.push_back({Kind::switch_down, fmt::format("spine{}", i), 1});
  // Leaves of the first 8 and the last 8 nodes on two rails are apart now, but ranks reach those of the same nodes over
  // NVLink and the other rail: only the two halves are cut off from each other.
  CHECK(unreachable_pairs(*broken(card, 16, all), 32, 1).count == 2 * 16 * 16);
}

TEST_CASE("a lost NIC's rank uses a neighbour's over NVLink", "[oracle]") {
  const auto topology = broken(switched_card("rail_optimized", 2, 8, 2), 4, {{Kind::nic_down, "node0/nic0", 1}});
  const auto names = [&](int source, int destination) {
    std::string text;
    for (const LinkId link : route(*topology, source, destination)) text += topology->links()[link.index()].name + " ";
    return text;
  };
  CHECK(names(0, 3) == "node0/gpu0/nvlink-tx node0/gpu1/nvlink-rx node0/nic1-tx node1/nic1-rx ");
  CHECK(names(3, 0) == "node1/nic1-tx node0/nic1-rx node0/gpu1/nvlink-tx node0/gpu0/nvlink-rx ");
  CHECK(names(1, 3) == "node0/nic1-tx node1/nic1-rx ");
  CHECK(names(0, 1) == "node0/gpu0/nvlink-tx node0/gpu1/nvlink-rx ");
}

TEST_CASE("a torus goes round a dead link", "[oracle]") {
  const auto topology = broken(torus_card({4, 4}, 1), 16, {{Kind::link_down, "chip(0,0)/+x", 1}});
  CHECK(route(*topology, 0, 1).size() == 3);  // Over the next row: one more there and one back.
  CHECK(route(*topology, 1, 0).size() == 1);  // The other direction is another link.
  CHECK(unreachable_pairs(*topology, 16, 1).count == 0);
}

TEST_CASE("slow parts: a link, both ports of a NIC, all ports of a GPU", "[oracle]") {
  const ClusterCard card = switched_card("rail_optimized", 2, 8, 2);
  const auto topology = broken(card, 4,
                               {{Kind::link_slow, "node1/nic0-tx", 0.25},
                                {Kind::nic_slow, "node2/nic1", 0.5},
                                {Kind::gpu_slow, "node3/gpu0", 0.1}});
  for (const Link& link : topology->links()) {
    const bool nvlink = link.name.find("nvlink") != std::string::npos;
    double factor = 1;
    if (link.name == "node1/nic0-tx") factor = 0.25;
    if (link.name.rfind("node2/nic1", 0) == 0) factor = 0.5;
    if (link.name.rfind("node3/gpu0", 0) == 0 || link.name.rfind("node3/nic0", 0) == 0) factor = 0.1;
    INFO(link.name);
    CHECK(link.capacity.gbyte_per_s() == Approx(factor * (nvlink ? 450 : 50)));
  }
  const auto speeds = gpu_speeds(*topology, {{Kind::gpu_slow, "node3/gpu0", 0.1}, {Kind::nic_slow, "node2/nic1", 0.5}});
  for (std::size_t rank = 0; rank < speeds.size(); ++rank) CHECK(speeds[rank] == (rank == 6 ? 0.1 : 1.0));
  // A NIC that other GPUs use too keeps its rate.
  ClusterCard shared = switched_card("rail_optimized", 2, 8, 1);
  shared.nics_per_node = 1;
  const auto slow = broken(shared, 2, {{Kind::gpu_slow, "node0/gpu0", 0.1}});
  for (const Link& link : slow->links()) {
    if (link.name.find("nic") != std::string::npos) CHECK(link.capacity.gbyte_per_s() == Approx(50));
  }
}
