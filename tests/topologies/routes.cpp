// What holds for every kind of topology, on the catalog's clusters and on small ones with awkward sizes.
#include <ctime>
#include <set>

#include <fmt/format.h>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

struct Case {
  std::string label;
  ClusterCard card;
  GpuCard gpu;
  int nodes;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const std::string_view name : cluster_card_names()) {
    const ClusterCard card = catalog_cluster_card(name);
    list.push_back({std::string(name), card, catalog_gpu_card(card.gpu), card.nodes});
  }
  const GpuCard gpu = plain_gpu();
  list.push_back({"rails, 7 nodes in leaves of 4", switched_card("rail_optimized", 4, 8, 4), gpu, 7});
  ClusterCard shared = switched_card("rail_optimized", 4, 8, 2);
  shared.nics_per_node = 2;
  shared.oversubscription = 2;
  list.push_back({"two ranks a NIC, oversubscribed", shared, gpu, 13});
  shared.path_choice = PathChoice::adaptive;
  list.push_back({"the same, adaptive", shared, gpu, 13});
  list.push_back({"racks of 6 on 2 rails", switched_card("nvl_rack", 6, 8, 2), gpu, 5});
  list.push_back({"fat tree, part of a pod", switched_card("fat_tree", 2, 4, 0), gpu, 3});
  list.push_back({"fat tree, full", switched_card("fat_tree", 2, 4, 0), gpu, 8});
  ClusterCard tapered = switched_card("fat_tree", 1, 6, 0);
  tapered.oversubscription = 2;
  list.push_back({"fat tree, oversubscribed", tapered, gpu, 50});
  list.push_back({"torus 3 x 5", torus_card({3, 5}, 2), plain_chip(2), 15});
  list.push_back({"torus of 14 chips", torus_card({8, 8}, 2), plain_chip(2), 14});
  list.push_back({"torus 2 x 4 x 6", torus_card({2, 4, 6}, 1), plain_chip(1), 48});
  return list;
}

}  // namespace

TEST_CASE("every route is a connected path without a repeated link, the same each time", "[property]") {
  for (const Case& c : cases()) {
    INFO(c.label);
    const auto topology = make_topology(c.card, c.gpu, c.nodes);
    const int ranks = topology->num_ranks();
    REQUIRE(ranks == c.nodes * c.card.ranks_per_node);
    // All pairs of the small ones, 2,000 random pairs of the large.
    const bool all = ranks <= 60;
    Rng rng(7, 0);
    const int pairs = all ? ranks * ranks : 2000;
    for (int pair = 0; pair < pairs; ++pair) {
      const int source = all ? pair / ranks : static_cast<int>(rng.below(static_cast<std::uint32_t>(ranks)));
      const int destination = all ? pair % ranks : static_cast<int>(rng.below(static_cast<std::uint32_t>(ranks)));
      if (source == destination) continue;
      INFO("from rank " << source << " to rank " << destination);
      const auto links = route(*topology, source, destination);
      REQUIRE(walk_fault(*topology, source, destination, links).empty());
      if (c.card.kind != "multi_plane") REQUIRE(route_fault(c.card, *topology, source, destination).empty());
      REQUIRE(route(*topology, source, destination) == route(*topology, source, destination));
    }
  }
}

TEST_CASE("a link of class scale_up is used exactly by the routes inside a node", "[property]") {
  for (const Case& c : cases()) {
    if (c.card.nvlink_forwarding) continue;
    INFO(c.label);
    const auto topology = make_topology(c.card, c.gpu, c.nodes);
    const int ranks = std::min(topology->num_ranks(), 150);
    for (int destination = 1; destination < ranks; ++destination) {
      const bool inside = topology->node_of(RankId(0)) == topology->node_of(RankId(destination));
      for (const LinkId link : route(*topology, 0, destination)) {
        REQUIRE((topology->links()[link.index()].link_class == LinkClass::scale_up) == inside);
      }
    }
  }
}

TEST_CASE("ranks of one attachment have the same routes to and from all others", "[property]") {
  for (const Case& c : cases()) {
    INFO(c.label);
    const auto topology = make_topology(c.card, c.gpu, c.nodes);
    const int ranks = std::min(topology->num_ranks(), 64);
    for (int a = 0; a + 1 < ranks; ++a) {
      const int b = a + 1;
      if (topology->attachment(RankId(a)) != topology->attachment(RankId(b))) continue;
      for (int other = 0; other < ranks; ++other) {
        if (other == a || other == b) continue;
        if (topology->attachment(RankId(other)) == topology->attachment(RankId(a))) continue;
        REQUIRE(route(*topology, a, other) == route(*topology, b, other));
        REQUIRE(route(*topology, other, a) == route(*topology, other, b));
      }
    }
  }
}

TEST_CASE("links have distinct names, and are as many as the size function says", "[property]") {
  for (const Case& c : cases()) {
    INFO(c.label);
    const auto topology = make_topology(c.card, c.gpu, c.nodes);
    std::set<std::string> names;
    for (const Link& link : topology->links()) {
      names.insert(link.name);
      REQUIRE(link.capacity.bytes_per_s() > 0);
      REQUIRE(link.latency >= Picoseconds::zero());
    }
    CHECK(names.size() == topology->links().size());
    const TopologySize size = topology_size(c.card, c.nodes);
    CHECK(size.links == static_cast<std::int64_t>(topology->links().size()));
    CHECK(size.ranks == topology->num_ranks());
    CHECK(c.nodes <= find_topology_kind(c.card.kind)->max_nodes(c.card));
  }
}

TEST_CASE("2,048 ranks of every kind are built in well under a second", "[property]") {
  for (const std::string_view name : cluster_card_names()) {
    ClusterCard card = catalog_cluster_card(name);
    if (card.kind == "single_node") continue;
    if (card.kind == "nvl_rack") card.switch_radix = 144;  // 29 racks are one more than leaves of 64 ports join.
    const int nodes = (2048 + card.ranks_per_node - 1) / card.ranks_per_node;
    if (nodes > find_topology_kind(card.kind)->max_nodes(card)) continue;  // a100-ib: 40-port switches join 800.
    INFO(name);
    const GpuCard gpu = catalog_gpu_card(card.gpu);
    const std::clock_t begin = std::clock();
    const auto topology = make_topology(card, gpu, nodes);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    CHECK(topology->num_ranks() >= 2048);
    CHECK(seconds < 0.5);
  }
}
