// Bills of materials: the published comparison, and what is built.
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using namespace moesim::test;

TEST_CASE("bills of materials are those of the published comparison", "[oracle]") {
  // arXiv:2505.09343 (ISCA 2025), Table 3: 64-port switches of 400 Gbit/s; endpoints, switches, links between switches.
  struct Row {
    const char* name;
    ClusterCard card;
    std::int64_t endpoints, switches, links;
  };
  ClusterCard two_tiers = switched_card("fat_tree", 8, 64, 0);
  two_tiers.parameters = {{"tiers", 2}};
  ClusterCard planes = switched_card("multi_plane", 8, 64, 0);
  planes.parameters = {{"planes", 8}};
  ClusterCard dragonfly = dragonfly_card(16, 32, 16, 511);
  dragonfly.switch_radix = 64;
  const Row rows[] = {
      {"FT2", two_tiers, 2048, 96, 2048},
      {"MPFT", planes, 16384, 768, 16384},
      {"FT3", switched_card("fat_tree", 8, 64, 0), 65536, 5120, 131072},
      {"DF", dragonfly, 261632, 16352, 384272},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const TopologyKind* kind = find_topology_kind(row.card.kind);
    const std::int64_t nodes = kind->max_nodes(row.card);
    const BillOfMaterials bill = bill_of_materials(row.card, nodes);
    CHECK(bill.endpoints == row.endpoints);
    CHECK(bill.num_switches() == row.switches);
    CHECK(bill.switch_cables == row.links);
    CHECK(bill.endpoint_cables == row.endpoints);
    CHECK(bill.transceivers() == 2 * (row.endpoints + row.links));
  }
}

TEST_CASE("a bill counts what is built: every cable is two links, every switch a vertex", "[property]") {
  std::vector<std::pair<ClusterCard, int>> built = {{switched_card("rail_optimized", 4, 8, 4), 7},
                                                    {switched_card("rail_optimized", 4, 8, 4), 2},
                                                    {switched_card("nvl_rack", 6, 8, 2), 5},
                                                    {switched_card("fat_tree", 2, 4, 0), 8},
                                                    {switched_card("fat_tree", 2, 4, 0), 3},
                                                    {switched_card("fat_tree", 2, 4, 0), 1},
                                                    {dragonfly_card(2, 4, 2, 9), 20},
                                                    {dragonfly_card(1, 4, 1, 4), 16},
                                                    {graph_card(4, {{0, 1}, {1, 2}, {2, 3}}, 7), 7}};
  ClusterCard planes = switched_card("multi_plane", 4, 8, 0);
  planes.parameters = {{"planes", 4}};
  built.emplace_back(planes, 13);
  built.emplace_back(planes, 3);
  for (const auto& [card, nodes] : built) {
    INFO(card.kind << " of " << nodes << " nodes");
    const auto topology = make_topology(card, plain_gpu(), nodes);
    const BillOfMaterials bill = bill_of_materials(card, nodes);
    std::int64_t links = 0;
    std::int64_t nics = 0;
    std::int64_t switches = 0;
    for (const Link& link : topology->links()) {
      const auto kind = [&](VertexId vertex) { return topology->graph().vertices[vertex.index()].kind; };
      links += link.name.find("->") != std::string::npos ? 1 : 0;
      nics += kind(link.from) == Vertex::Kind::nic ? 1 : 0;
    }
    for (const Vertex& vertex : topology->graph().vertices)
      switches += vertex.kind == Vertex::Kind::fabric_switch ? 1 : 0;
    CHECK(2 * bill.switch_cables == links);
    CHECK(bill.endpoint_cables == nics);
    CHECK(bill.endpoints == nics);
    CHECK(bill.num_switches() == switches);
    // No switch has more cables than ports.
    std::map<VertexId, int> ports;
    for (const Link& link : topology->links()) {
      if (link.link_class == LinkClass::scale_out) ++ports[link.from];
    }
    if (card.kind == "graph") continue;
    for (const auto& [vertex, count] : ports) CHECK(count <= card.switch_radix);
  }
}

TEST_CASE("copper to the NICs saves two transceivers each; nodes alone and a torus have no switches", "[oracle]") {
  ClusterCard card = switched_card("fat_tree", 8, 64, 0);
  card.copper_endpoint_cables = true;
  CHECK(bill_of_materials(card, 8192).transceivers() == 2 * 131072);
  CHECK(bill_of_materials(switched_card("single_node", 8, 0, 0), 1).endpoints == 0);
  const BillOfMaterials torus = bill_of_materials(torus_card({4, 4, 4}, 1), 64);
  CHECK(torus.switches.empty());
  CHECK(torus.switch_cables == 3 * 64);
}
