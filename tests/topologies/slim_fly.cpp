// The slim fly: its graph by its definition, its paths, its bill.
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"
#include "topologies/switched_cluster.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

ClusterCard slim_fly(int q, int nics_per_switch) {
  ClusterCard card = switched_card("slim_fly", 1, 64, 0);
  card.parameters = {{"q", q}, {"nics_per_switch", nics_per_switch}};
  return card;
}

}  // namespace

TEST_CASE("slim fly: 2 q^2 switches of equal degree, every two at most two cables apart", "[oracle]") {
  // Degree (3 q - delta) / 2 for q = 4 w + delta; 3, 7, 11, 19 have -1, 4, 8, 16 have 0, 5, 9, 13 have 1. Of the prime
  // powers 4, 8, 16, 9 arithmetic is that of polynomials. With fewer cables diameter 2 would not do: the Moore bound.
  for (const int q : {3, 4, 5, 7, 8, 9, 11, 13}) {
    INFO("q " << q);
    const ClusterCard card = slim_fly(q, 1);
    REQUIRE_FALSE(find_topology_kind("slim_fly")->problem(card).has_value());
    const auto topology = make_topology(card, plain_gpu(), 2 * q * q);
    CHECK(name_fault(*topology).empty());
    CHECK(topology_size(card, 2 * q * q).links == static_cast<std::int64_t>(topology->links().size()));
    const int delta = q % 4 == 3 ? -1 : q % 4;
    std::map<VertexId, std::set<VertexId>> neighbours;
    for (const Link& link : topology->links()) {
      if (link.name.find("->") != std::string::npos) neighbours[link.from].insert(link.to);
    }
    REQUIRE(static_cast<int>(neighbours.size()) == 2 * q * q);
    for (const auto& [vertex, others] : neighbours) {
      REQUIRE(static_cast<int>(others.size()) == (3 * q - delta) / 2);
      REQUIRE(others.count(vertex) == 0);
      std::set<VertexId> reached = {vertex};
      for (const VertexId other : others) {
        reached.insert(other);
        reached.insert(neighbours[other].begin(), neighbours[other].end());
        REQUIRE(neighbours[other].count(vertex) == 1);
      }
      REQUIRE(static_cast<int>(reached.size()) == 2 * q * q);
    }
  }
}

TEST_CASE("slim fly: the graph with q = 5 is that of Hoffman and Singleton", "[oracle]") {
  // 50 vertices of degree 7 and diameter 2 meet the Moore bound 1 + 7 + 7 x 6: there is one path between any two.
  const auto topology = make_topology(slim_fly(5, 1), plain_gpu(), 50);
  const auto& cluster = dynamic_cast<const SwitchedCluster&>(*topology);
  for (int a = 0; a < 50; ++a) {
    int near = 0;
    for (int b = 0; b < 50; ++b) {
      if (a == b) continue;
      REQUIRE(cluster.num_paths(RankId(a), RankId(b)) == 1);
      const auto links = route(*topology, a, b);
      REQUIRE(walk_fault(*topology, a, b, links).empty());
      near += links.size() == 3 ? 1 : 0;
    }
    CHECK(near == 7);
  }
  // Uniform all-to-all: one flow over each own link, and 2 x 6 over it as the first or last of two.
  for (const LinkId link : route(*topology, 0, 49)) {
    if (topology->links()[link.index()].name.find("->") == std::string::npos) continue;
    CHECK(all_to_all_load(*topology)[link.index()] == 13);
  }
}

TEST_CASE("slim fly: every path of every pair leads there and is as long as the others", "[property]") {
  for (const PathChoice choice : {PathChoice::deterministic, PathChoice::ecmp}) {
    ClusterCard card = slim_fly(4, 2);
    card.path_choice = choice;
    const auto topology = make_topology(card, plain_gpu(), 64);
    const auto& cluster = dynamic_cast<const SwitchedCluster&>(*topology);
    for (int pair = 0; pair < 64 * 64; ++pair) {
      const int a = pair / 64;
      const int b = pair % 64;
      if (a == b) continue;
      const auto chosen = route(*topology, a, b);
      std::set<std::vector<LinkId>> different;
      for (std::int64_t i = 0; i < cluster.num_paths(RankId(a), RankId(b)); ++i) {
        std::vector<LinkId> links;
        cluster.route_on_path(RankId(a), RankId(b), i, links);
        REQUIRE(walk_fault(*topology, a, b, links).empty());
        REQUIRE(links.size() == chosen.size());
        REQUIRE(different.insert(links).second);
      }
      REQUIRE(different.count(chosen) == 1);
    }
  }
}

TEST_CASE("slim fly: the published counts, and a q that is no prime power", "[oracle]") {
  // arXiv:2505.09343, Table 3: 32,928 endpoints, 1,568 switches, 32,928 links. They are those of q = 28 with 21 NICs a
  // switch; but 28 is no prime power, and there is no such graph to build. 27 and 29 are.
  const TopologyKind* kind = find_topology_kind("slim_fly");
  const ClusterCard published = slim_fly(28, 21);
  CHECK(kind->max_nodes(published) == 32928);
  const BillOfMaterials bill = bill_of_materials(published, 32928);
  CHECK(bill.endpoints == 32928);
  CHECK(bill.num_switches() == 1568);
  CHECK(bill.switch_cables == 32928);
  const auto problem = kind->problem(published);
  REQUIRE(problem.has_value());
  CHECK(problem->key == "q");
  CHECK(problem->expected == "a prime power, such as 27 or 29");
  for (const int q : {6, 10, 12, 15, 28, 45}) CHECK(kind->problem(slim_fly(q, 1)).has_value());
  CHECK(kind->problem(slim_fly(27, 23)).has_value() == false);  // 23 + 41 ports.
  CHECK(kind->problem(slim_fly(27, 24))->key == "switch_radix");
}
