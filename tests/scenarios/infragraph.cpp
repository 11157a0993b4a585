// InfraGraph infrastructures as cluster cards.
#include <nlohmann/json.hpp>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/error.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/infragraph_import.hpp"
#include "scenarios/json_reader.hpp"
#include "tests/catch.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

// Four servers of two xpus and two NICs under two leaves and two spines, in the words of the schema (2.4.0).
constexpr const char* kTwoTiers = R"({
  "name": "two-tiers", "description": "Two tiers",
  "devices": [
    {"name": "server",
     "components": [{"name": "cpu", "count": 1, "choice": "cpu"}, {"name": "xpu", "count": 2, "choice": "xpu"},
                    {"name": "nic", "count": 2, "choice": "nic"}],
     "links": [{"name": "pcie"}],
     "edges": [{"ep1": {"component": "cpu"}, "ep2": {"component": "nic"}, "scheme": "many2many", "link": "pcie"}]},
    {"name": "switch",
     "components": [{"name": "asic", "count": 1, "choice": "switch"}, {"name": "port", "count": 8, "choice": "port"}],
     "links": [{"name": "ic"}],
     "edges": [{"ep1": {"component": "asic"}, "ep2": {"component": "port"}, "scheme": "many2many", "link": "ic"}]}],
  "links": [
    {"name": "access", "physical": {"bandwidth": {"choice": "gigabits_per_second", "gigabits_per_second": 200}}},
    {"name": "uplink", "physical": {"bandwidth": {"choice": "gigabytes_per_second", "gigabytes_per_second": 50},
                                    "latency": {"choice": "ns", "ns": 700}}}],
  "instances": [{"name": "server", "device": "server", "count": 4}, {"name": "leaf", "device": "switch", "count": 2},
                {"name": "spine", "device": "switch", "count": 2}],
  "edges": [
    {"ep1": {"instance": "server[0:2]", "component": "nic"}, "ep2": {"instance": "leaf[0]", "component": "port[0:4]"},
     "scheme": "one2one", "link": "access"},
    {"ep1": {"instance": "server[2:]", "component": "nic[:]"}, "ep2": {"instance": "leaf[1]", "component": "port[:4]"},
     "scheme": "one2one", "link": "access"},
    {"ep1": {"instance": "leaf", "component": "port[4]"}, "ep2": {"instance": "spine[0]", "component": "port[0:2:1]"},
     "scheme": "one2one", "link": "uplink"},
    {"ep1": {"instance": "leaf", "component": "port[5]"}, "ep2": {"instance": "spine[1]", "component": "port[0:2]"},
     "scheme": "one2one", "link": "uplink"}]
})";

nlohmann::json two_tiers() { return parse_json(kTwoTiers, "infra.json"); }

InfraGraphImport import(const nlohmann::json& value) {
  return import_infragraph(value, "infra.json", catalog_cluster_card("h100-ib"), "mine");
}

std::string error_of(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json json = two_tiers();
  json[nlohmann::json::json_pointer(pointer)] = value;
  try {
    import(json);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("an InfraGraph of two tiers is a graph with its nodes, switches and cables", "[import]") {
  const InfraGraphImport imported = import(two_tiers());
  const ClusterCard& card = imported.card;
  CHECK(card.name == "mine");
  CHECK(card.kind == "graph");
  CHECK(card.gpu == "h100");
  CHECK(card.nodes == 4);
  CHECK(card.ranks_per_node == 2);
  CHECK(card.nics_per_node == 2);
  CHECK(card.switches == std::vector<std::string>{"leaf.0", "leaf.1", "spine.0", "spine.1"});
  REQUIRE(card.cables.size() == 8 + 4);
  CHECK(card.cables[0].a == "node0/nic0");
  CHECK(card.cables[3].a == "node1/nic1");
  CHECK(card.cables[3].b == "leaf.0");
  CHECK(card.cables[3].bandwidth.gbyte_per_s() == Approx(25));
  CHECK(card.cables[3].latency == catalog_cluster_card("h100-ib").switch_latency);
  CHECK(card.cables[11].a == "leaf.1");
  CHECK(card.cables[11].b == "spine.1");
  CHECK(card.cables[11].bandwidth.gbyte_per_s() == Approx(50));
  CHECK(card.cables[11].latency == Picoseconds{700'000});
  CHECK(imported.caveats.size() == 2);  // What is inside nodes, and links without a latency.
  // Across leaves: NIC, leaf to spine, spine to leaf, NIC.
  const auto topology = make_topology(card, catalog_gpu_card(card.gpu), card.nodes);
  std::vector<LinkId> links;
  topology->route(RankId{0}, RankId{7}, links);
  REQUIRE(links.size() == 4);
  CHECK(topology->links()[links[3].index()].name == "node3/nic1-rx");
  // The whole may stand under "infrastructure", as the API answers.
  CHECK(import({{"infrastructure", two_tiers()}}).card.cables.size() == 12);
}

TEST_CASE("NICs may be devices inside the node's device", "[import]") {
  nlohmann::json json = two_tiers();
  json["devices"].push_back({{"name", "cx7"},
                             {"components", {{{"name", "port"}, {"count", 1}, {"choice", "port"}}}},
                             {"links", nlohmann::json::array()},
                             {"edges", nlohmann::json::array()}});
  json["devices"][0]["components"][2] = {{"name", "cx7"}, {"count", 2}, {"choice", "device"}};
  for (int edge : {0, 1}) json["edges"][edge]["ep1"]["component"] = "cx7.port[0]";
  const ClusterCard card = import(json).card;
  CHECK(card.nics_per_node == 2);
  CHECK(card.cables[3].a == "node1/nic1");
}

TEST_CASE("an InfraGraph that cannot be read as nodes and switches is refused with the place", "[import][errors]") {
  CHECK_THAT(error_of("/links/0/physical/bandwidth/choice", "gigatransfers_per_second"),
             ContainsSubstring("/links/0/physical/bandwidth/choice"));
  CHECK_THAT(error_of("/edges/0/ep1/component", "xpu"), ContainsSubstring("scale-up links are the node's own"));
  CHECK_THAT(error_of("/edges/0/ep1/component", "nik"), ContainsSubstring("/edges/0/ep1/component: found \"nik\""));
  CHECK_THAT(error_of("/edges/0/ep1/instance", "server[0:9]"), ContainsSubstring("an index or slice of 4"));
  CHECK_THAT(error_of("/edges/0/ep2/instance", "server[1]"), ContainsSubstring("found"));
  CHECK_THAT(error_of("/edges/0/scheme", "ring"), ContainsSubstring("/edges/0/scheme"));
  CHECK_THAT(error_of("/edges/0/link", "no"), ContainsSubstring("/edges/0/link"));
  CHECK_THAT(error_of("/edges/1/ep1/component", "nic[0]"),
             ContainsSubstring("no cable at node2/nic1"));  // Half of the NICs hang loose.
  CHECK_THAT(error_of("/instances/0/device", "none"), ContainsSubstring("/instances/0/device"));
  CHECK_THAT(error_of("/devices/0/components/1/choice", "cpu"), ContainsSubstring("no device with an xpu"));
  CHECK_THAT(error_of("/instances/0/count", 0), ContainsSubstring("/instances/0/count"));
}

TEST_CASE("indices near the ends of integers are read or refused, not wrapped", "[import][errors]") {
  CHECK_THAT(error_of("/edges/0/ep1/instance", "server[2147483647]"), ContainsSubstring("an index or slice of 4"));
  CHECK_THAT(error_of("/edges/0/ep1/component", "nic[9223372036854775807]"),
             ContainsSubstring("/edges/0/ep1/component"));
  CHECK_THAT(error_of("/edges/0/ep1/component", "nic[9223372036854775808]"),
             ContainsSubstring("/edges/0/ep1/component"));
  // A step past the end takes the first alone: one leaf at the first spine.
  nlohmann::json json = two_tiers();
  json["edges"][2]["ep1"]["instance"] = "leaf[0:2:2147483647]";
  CHECK(import(json).card.cables.size() == 12 - 1);
  json["edges"][2]["ep1"]["instance"] = "leaf[1:2:9223372036854775807]";
  CHECK(import(json).card.cables.size() == 12 - 1);
}

TEST_CASE("an InfraGraph too large is refused before it is written out", "[import][errors]") {
  constexpr int kMany = 1'000'000;
  nlohmann::json json = two_tiers();
  json["devices"][0]["components"][1]["count"] = kMany;
  json["devices"].push_back(
      {{"name", "pod"}, {"components", {{{"name", "server"}, {"count", 1}, {"choice", "device"}}}}});
  const auto refused = [&] {
    try {
      import(json);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  json["devices"][2]["components"][0]["count"] = kMany;  // 10^12 xpus.
  CHECK_THAT(refused(), ContainsSubstring("/devices") && ContainsSubstring("xpus in \"pod\""));
  json = two_tiers();
  json["devices"][0]["components"][2]["count"] = kMany;
  json["instances"][0]["count"] = kMany;
  json["edges"][0]["ep1"]["instance"] = "server";  // 10^12 ends.
  CHECK_THAT(refused(), ContainsSubstring("/edges/0/ep1: found too many ends"));
  json["edges"][0]["ep1"] = {{"instance", "server[0:4]"}, {"component", "nic"}};  // 4 x 10^6 by 4.
  json["edges"][0]["scheme"] = "many2many";
  CHECK_THAT(refused(), ContainsSubstring("/edges/0/ep1: found 16000000 more cables"));
}

}  // namespace
}  // namespace moesim
