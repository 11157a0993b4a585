// Cards of every kind: written as they were read, and refused where their figures do not go together.
#include <nlohmann/json.hpp>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

json switched(const std::string& kind, const json& more) {
  json card = {{"schema", 1},
               {"name", "x"},
               {"description", ""},
               {"kind", kind},
               {"gpu", "h100"},
               {"nodes", 2},
               {"ranks_per_node", 8},
               {"scale_up_latency_us", 0.3},
               {"scale_up_efficiency", 1},
               {"nics_per_node", 4},
               {"nic_gbit_per_s", 400},
               {"nic_latency_us", 1.175},
               {"switch_latency_us", 0.45},
               {"scale_out_efficiency", 0.9},
               {"routing", "ecmp"},
               {"forwarding", "nvlink"},
               {"endpoint_cables", "copper"},
               {"sources", json::array()}};
  if (kind != "graph") card["switch_radix"] = 64;
  card.update(more);
  return card;
}

const json kMoreNodes = {
    {{"gpu", "a100-80gb"}, {"nodes", 3}, {"ranks_per_node", 8}, {"nics_per_node", 4}, {"nic_gbit_per_s", 200}}};
const json kFaults = {{{"kind", "nic_slow"}, {"name", "node0/nic1"}, {"factor", 0.5}},
                      {{"kind", "switch_down"}, {"name", "spine3"}}};

json graph() {
  json card = {{"switches", {"a", "b"}}, {"cables", json::array()}};
  const auto add = [&](const std::string& from, const std::string& to) {
    card["cables"].push_back({{"ends", {from, to}}, {"gbit_per_s", 200}, {"latency_us", 0.7}});
  };
  for (int nic = 0; nic < 4; ++nic) {
    add("node0/nic" + std::to_string(nic), "a");
    add("b", "node1/nic" + std::to_string(nic));
  }
  add("a", "b");
  return switched("graph", card);
}

json dragonfly(const json& more = json::object()) {
  json own = {{"nics_per_switch", 2}, {"switches_per_group", 4}, {"global_links_per_switch", 2}, {"groups", 9}};
  own.update(more);
  return switched("dragonfly", own);
}

std::string error_of(const json& card) {
  try {
    read_cluster_card(JsonReader(card, "card.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

json graph_with(const std::string& pointer, const json& value) {
  json card = graph();
  card[json::json_pointer(pointer)] = value;
  return card;
}

}  // namespace

TEST_CASE("cards of every kind are written as they were read", "[property]") {
  const std::vector<json> cards = {
      switched("rail_optimized",
               {{"rails", 4}, {"oversubscription", 2}, {"more_nodes", kMoreNodes}, {"faults", kFaults}}),
      switched("nvl_rack", {{"rails", 2}, {"oversubscription", 1}, {"pcie_gb_per_s", 64}, {"pcie_latency_us", 0.2}}),
      switched("fat_tree", {{"tiers", 2}, {"oversubscription", 1}, {"routing", "adaptive"}}),
      switched("fat_tree", {{"tiers", 3}, {"oversubscription", 3}, {"forwarding", "none"}}),
      switched("multi_plane", {{"planes", 4}, {"oversubscription", 1}, {"more_nodes", kMoreNodes}}),
      dragonfly(),
      switched("slim_fly", {{"q", 5}, {"nics_per_switch", 3}}),
      graph(),
  };
  for (const json& card : cards) {
    INFO(card.dump());
    CHECK(cluster_card_json(read_cluster_card(JsonReader(card, "card.json"))) == card);
  }
}

TEST_CASE("figures that do not go together are refused at the key to blame", "[errors]") {
  CHECK_THAT(error_of(dragonfly({{"switch_radix", 6}})),
             ContainsSubstring("/switch_radix: found 6, expected at least 7"));
  CHECK_THAT(error_of(dragonfly({{"groups", 10}})), ContainsSubstring("/groups: found 10, expected at most 9"));
  CHECK_THAT(error_of(dragonfly({{"routing", "adaptive"}})), ContainsSubstring("/routing: found \"adaptive\""));
  CHECK_THAT(error_of(dragonfly({{"oversubscription", 2}})), ContainsSubstring("/oversubscription"));
  CHECK_THAT(error_of(dragonfly({{"nodes", 19}})), ContainsSubstring("/nodes: found 19 nodes, expected at most 18"));
  CHECK_THAT(error_of(dragonfly({{"planes", 2}})), ContainsSubstring("/planes"));
  CHECK_THAT(error_of(switched("multi_plane", {{"planes", 3}})), ContainsSubstring("/planes: found 3"));
  CHECK_THAT(error_of(switched("multi_plane", json::object())), ContainsSubstring("/planes"));
  CHECK_THAT(error_of(switched("fat_tree", {{"tiers", 4}})), ContainsSubstring("/tiers: found 4"));
  CHECK_THAT(error_of(switched("fat_tree", {{"pcie_latency_us", 1}})), ContainsSubstring("/pcie_latency_us"));
  json uneven = kMoreNodes;
  uneven[0]["nics_per_node"] = 2;
  CHECK_THAT(error_of(switched("multi_plane", {{"planes", 4}, {"more_nodes", uneven}})),
             ContainsSubstring("/more_nodes"));
  CHECK_THAT(error_of(switched("rail_optimized", {{"rails", 4}, {"more_nodes", uneven}})),
             ContainsSubstring("/more_nodes: found 2 NICs of a node"));
  uneven[0]["nics_per_node"] = 3;
  CHECK_THAT(error_of(switched("fat_tree", {{"more_nodes", uneven}})),
             ContainsSubstring("/more_nodes/0/nics_per_node"));
}

TEST_CASE("a graph's switches and cables are refused one by one", "[errors]") {
  CHECK_THAT(error_of(graph_with("/switches", json::array())), ContainsSubstring("/switches"));
  CHECK_THAT(error_of(graph_with("/switches/1", "a")), ContainsSubstring("\"a\" twice"));
  CHECK_THAT(error_of(graph_with("/switches/1", "node5")), ContainsSubstring("/switches"));
  CHECK_THAT(error_of(graph_with("/cables/0/ends/1", "aa")), ContainsSubstring("/cables/0/ends: found \"aa\""));
  CHECK_THAT(error_of(graph_with("/cables/0/ends/0", "node0/nic4")), ContainsSubstring("one of the 4 NICs"));
  CHECK_THAT(error_of(graph_with("/cables/2/ends/0", "node0/nic0")), ContainsSubstring("one cable at each NIC"));
  CHECK_THAT(error_of(graph_with("/cables/8/ends/0", "b")), ContainsSubstring("/cables/8/ends: found \"b\" twice"));
  CHECK_THAT(error_of(graph_with("/cables/0/ends/0", "b")), ContainsSubstring("/cables: found no cable at node0/nic0"));
  CHECK_THAT(error_of(graph_with("/cables/0/ends/1", "node0/nic3")), ContainsSubstring("or two switches"));
  CHECK_THAT(error_of(graph_with("/cables/0/ends/2", "a")), ContainsSubstring("found 3 names"));
  CHECK_THAT(error_of(graph_with("/nodes", 3)), ContainsSubstring("/nodes: found 3 nodes, expected at most 2"));
  CHECK_THAT(error_of(graph_with("/more_nodes", kMoreNodes)), ContainsSubstring("/more_nodes"));
  CHECK_THAT(error_of(graph_with("/switch_radix", 64)), ContainsSubstring("/switch_radix"));
}
