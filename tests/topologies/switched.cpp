// Closed forms of the kinds with switches: one node, rails, racks, fat tree.
#include <algorithm>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

std::unique_ptr<Topology> build(const ClusterCard& card, int nodes) { return make_topology(card, plain_gpu(), nodes); }

// The largest load of any link, in flows per GB/s, over the NICs or over the links between switches.
double most_loaded(const Topology& topology, const std::vector<std::int64_t>& load, bool between_switches) {
  double most = 0;
  for (std::size_t i = 0; i < load.size(); ++i) {
    const Link& link = topology.links()[i];
    const bool arrow = link.name.find("->") != std::string::npos;
    if (link.link_class != LinkClass::scale_out || arrow != between_switches) continue;
    most = std::max(most, static_cast<double>(load[i]) / link.capacity.gbyte_per_s());
  }
  return most;
}

}  // namespace

TEST_CASE("a node's rank has its scale-up bandwidth out and in, at the card's efficiency", "[oracle]") {
  ClusterCard card = switched_card("single_node", 8, 0, 0);
  card.scale_up_efficiency = 0.8;
  const auto node = build(card, 1);
  // 8 ranks, 2 links each; 0.8 x 450 GB/s; a route is out and in.
  REQUIRE(node->links().size() == 16);
  for (const Link& link : node->links()) CHECK(link.capacity.gbyte_per_s() == Approx(360));
  CHECK(route(*node, 2, 5).size() == 2);
  CHECK(node->links()[route(*node, 2, 5)[0].index()].name == "node0/gpu2/nvlink-tx");
  CHECK(node->links()[route(*node, 2, 5)[1].index()].name == "node0/gpu5/nvlink-rx");
}

TEST_CASE("uniform all-to-all loads all links of a node equally", "[oracle]") {
  const auto node = build(switched_card("single_node", 8, 0, 0), 1);
  // Each rank sends to 7 and receives from 7.
  for (const std::int64_t load : all_to_all_load(*node)) CHECK(load == 7);
}

TEST_CASE("rails: 2 links in the node and on one leaf, 4 across leaves", "[oracle]") {
  // Radix 8: leaves of 4 nodes. Nodes 0-3 share a leaf on each rail, 4-7 the next.
  const auto rails = build(switched_card("rail_optimized", 2, 8, 2), 8);
  CHECK(route(*rails, 0, 1).size() == 2);                     // Same node.
  CHECK(route(*rails, 0, 6).size() == 2);                     // Node 3, same rail, same leaf.
  CHECK(route(*rails, 0, 7).size() == 4);                     // Node 3, other rail.
  CHECK(route(*rails, 0, 8).size() == 4);                     // Node 4, same rail, next leaf.
  CHECK(latency(*rails, 0, 1) == Picoseconds::from_us(0.5));  // 2 x 0.25
  CHECK(latency(*rails, 0, 6) == Picoseconds::from_us(2.5));  // 2 NICs x 1 + 1 switch x 0.5
  CHECK(latency(*rails, 0, 7) == Picoseconds::from_us(3.5));  // 2 NICs x 1 + 3 switches x 0.5
}

TEST_CASE("the InfiniBand cards reproduce the latencies that they were derived from", "[oracle]") {
  // arXiv:2505.09343, Table 5 (64 B, InfiniBand): 2.8 us on one leaf, 3.7 us across leaves.
  for (const char* name : {"h100-ib", "h200-ib", "h800-ib", "b200-ib", "fat-tree-3"}) {
    INFO(name);
    const ClusterCard card = catalog_cluster_card(name);
    const auto cluster = make_topology(card, catalog_gpu_card(card.gpu), 40);
    const bool tree = card.kind == "fat_tree";
    CHECK(latency(*cluster, 0, 8) == Picoseconds{2'800'000});
    CHECK(latency(*cluster, 0, tree ? 32 : 8 * 32) == Picoseconds{3'700'000});  // Edges of 32 NICs, leaves of 32 nodes.
    CHECK(latency(*cluster, 0, 1) == Picoseconds{600'000});
  }
}

TEST_CASE("fat tree: 2, 4 or 6 links by the first tier that both ends share", "[oracle]") {
  // Radix 4, one rank a node: 2 hosts an edge, 2 edges a pod, 4 pods, 16 hosts.
  const auto tree = build(switched_card("fat_tree", 1, 4, 0), 16);
  for (int a = 0; a < 16; ++a) {
    for (int b = 0; b < 16; ++b) {
      if (a == b) continue;
      const std::size_t hops = a / 2 == b / 2 ? 2 : a / 4 == b / 4 ? 4 : 6;
      REQUIRE(route(*tree, a, b).size() == hops);
    }
  }
  CHECK(latency(*tree, 0, 15) == Picoseconds::from_us(4.5));  // 2 NICs x 1 + 5 switches x 0.5
  CHECK(find_topology_kind("fat_tree")->max_nodes(switched_card("fat_tree", 1, 4, 0)) == 16);
  // k^3 / 4 for k = 64 (Al-Fares et al. 2008).
  CHECK(find_topology_kind("fat_tree")->max_nodes(switched_card("fat_tree", 8, 64, 0)) * 8 == 65536);
}

TEST_CASE("a full fat tree is cut in half by half of its hosts' bandwidth", "[oracle]") {
  // Radix k: the core links out of half of the pods carry (k/2) pods x (k/2)^2 x 50 GB/s = (hosts / 2) x 50 GB/s.
  for (const int radix : {4, 6, 8}) {
    const int hosts = radix * radix * radix / 4;
    const auto tree = build(switched_card("fat_tree", 1, radix, 0), hosts);
    double cut = 0;
    for (const Link& link : tree->links()) {
      const auto arrow = link.name.find("->core");
      if (arrow == std::string::npos) continue;
      if (std::stoi(link.name.substr(3)) < radix / 2) cut += link.capacity.gbyte_per_s();
    }
    CHECK(cut == Approx(hosts / 2 * 50.0));
  }
}

TEST_CASE("a shift of all hosts crosses a non-blocking fabric without sharing any link", "[oracle]") {
  // d-mod-k routes are free of contention for every shift permutation on a full tree (Zahavi, "D-Mod-K routing
  // providing non-blocking traffic for shift permutations on real life fat trees", 2010).
  const auto tree = build(switched_card("fat_tree", 1, 6, 0), 54);
  const auto rails = build(switched_card("rail_optimized", 1, 6, 1), 18);
  for (const Topology* fabric : {tree.get(), rails.get()}) {
    const int hosts = fabric->num_ranks();
    for (int shift = 1; shift < hosts; ++shift) {
      std::vector<int> load(fabric->links().size(), 0);
      for (int host = 0; host < hosts; ++host) {
        for (const LinkId link : route(*fabric, host, (host + shift) % hosts)) ++load[link.index()];
      }
      REQUIRE(*std::max_element(load.begin(), load.end()) == 1);
    }
  }
}

TEST_CASE("uniform all-to-all loads no trunk of a non-blocking fabric more than the NICs", "[oracle]") {
  struct Fabric {
    ClusterCard card;
    int nodes;
  };
  std::vector<Fabric> fabrics = {
      {switched_card("rail_optimized", 8, 16, 8), 16}, {switched_card("rail_optimized", 8, 64, 8), 16},
      {switched_card("rail_optimized", 4, 16, 4), 16}, {switched_card("nvl_rack", 12, 16, 4), 8},
      {switched_card("fat_tree", 4, 8, 0), 32},        {switched_card("fat_tree", 8, 16, 0), 16}};
  // Spread over all spines it holds for any number of nodes; by destination only where leaves are equally full.
  for (std::size_t i = 0; i < 4; ++i) {
    fabrics.push_back({fabrics[i].card, fabrics[i].nodes - 3});
    fabrics.back().card.path_choice = PathChoice::adaptive;
  }
  for (const Fabric& f : fabrics) {
    INFO(f.card.kind << " of " << f.nodes << " nodes");
    const auto topology = build(f.card, f.nodes);
    const auto load = all_to_all_load(*topology);
    const double nics = most_loaded(*topology, load, false);
    const double trunks = most_loaded(*topology, load, true);
    CHECK(trunks > 0);
    CHECK(trunks <= nics);
    // Every NIC of every node carries the same: all ranks but those of its own node.
    for (std::size_t link = 0; link < load.size(); ++link) {
      const std::string& name = topology->links()[link].name;
      if (name.find("nic") == std::string::npos) continue;
      REQUIRE(load[link] == topology->num_ranks() - topology->ranks_per_node());
    }
  }
}

TEST_CASE("oversubscription o loads the trunks o times as much", "[oracle]") {
  // One rank a node, one rail. Non-blocking: 8 ports down, 8 up. o = 3: 12 down, 4 up. Full leaves of the same fabric
  // send P - D of every D x P flows up, over D / o uplinks: load = D (P - D) / (D / o) = o (P - D).
  for (const double o : {1.0, 3.0}) {
    ClusterCard card = switched_card("rail_optimized", 1, 16, 1);
    card.oversubscription = o;
    card.path_choice = PathChoice::adaptive;
    const int down = o == 1 ? 8 : 12;
    const auto topology = build(card, 2 * down);
    const auto load = all_to_all_load(*topology);
    CHECK(most_loaded(*topology, load, true) * 50 == Approx(o * down));
  }
}

TEST_CASE("fewer NICs than ranks are shared by neighbours", "[oracle]") {
  ClusterCard card = switched_card("rail_optimized", 8, 64, 4);
  card.nics_per_node = 4;
  const auto topology = build(card, 2);
  const auto name = [&](int source) { return topology->links()[route(*topology, source, 15)[0].index()].name; };
  CHECK(name(0) == "node0/nic0-tx");
  CHECK(name(1) == "node0/nic0-tx");
  CHECK(name(7) == "node0/nic3-tx");
}

TEST_CASE("limits follow from the ports of the switches", "[oracle]") {
  const auto most = [](const char* name) {
    const ClusterCard card = catalog_cluster_card(name);
    return find_topology_kind(card.kind)->max_nodes(card) * card.ranks_per_node;
  };
  // Two tiers of r-port switches join r^2 / 2 NICs: 2,048 for 64 ports, 800 for 40.
  CHECK(most("h100-ib") == 2048);
  CHECK(most("a100-ib") == 800);
  CHECK(most("gb200-nvl72") == 28 * 72);  // Whole racks: 2,048 / 72 = 28.4.
  CHECK(most("fat-tree-3") == 65536);
  CHECK(most("h800-node") == 8);
  CHECK(most("tpu-v3-torus") == 2048);
  CHECK(most("tpu-v4-torus") == 4096);
}
