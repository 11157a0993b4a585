#include "scenarios/cluster_parts_json.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/json_text.hpp"
#include "topologies/graph.hpp"
#include "topologies/graph_fabric.hpp"

namespace moesim {
namespace {

constexpr std::array<std::string_view, 6> kFaultKinds = {"link_down", "link_slow",   "nic_down",
                                                         "nic_slow",  "switch_down", "gpu_slow"};  // As Fault::Kind.
constexpr int kMostNodes = 1'000'000;
constexpr int kMostOfANode = 1000;
constexpr double kLeastFactor = 1e-3;

bool is_slow(Fault::Kind kind) {
  return kind == Fault::Kind::link_slow || kind == Fault::Kind::nic_slow || kind == Fault::Kind::gpu_slow;
}

// Nodes are numbered without gaps, and each of their NICs has its cable.
void check_every_nic(const JsonReader& reader, const std::set<std::string>& cabled, int nics_per_node) {
  std::size_t found = 0;
  for (int node = 0; node == 0 || found < cabled.size(); ++node) {
    for (int nic = 0; nic < nics_per_node; ++nic, ++found) {
      const std::string name = fmt::format("node{}/nic{}", node, nic);
      if (cabled.count(name) == 0) reader.fail("cables", "no cable at " + name, "one at each NIC of each node");
    }
  }
}

}  // namespace

std::string_view name(Fault::Kind kind) { return kFaultKinds[static_cast<std::size_t>(kind)]; }

std::vector<NodeGroup> read_more_nodes(JsonReader& reader, const ClusterCard& card) {
  const std::vector<std::string_view> gpus = gpu_card_names();
  std::vector<NodeGroup> groups;
  for (JsonReader& entry : reader.objects("more_nodes")) {
    NodeGroup group;
    group.gpu = catalog_gpu_card(gpus[entry.choice("gpu", gpus)]);
    group.nodes = static_cast<int>(entry.integer("nodes", 1, kMostNodes));
    group.ranks_per_node = static_cast<int>(entry.integer("ranks_per_node", 1, kMostOfANode));
    group.nics_per_node = static_cast<int>(entry.integer("nics_per_node", 1, kMostOfANode));
    group.nic_bandwidth = card.nic_bandwidth;
    if (entry.has("nic_gbit_per_s")) {
      group.nic_bandwidth = entry.number("nic_gbit_per_s", 1e-6, 1e9) * Bandwidth::gbit_per_s(1);
    }
    entry.finish();
    if (group.ranks_per_node % group.nics_per_node != 0) {
      entry.fail("nics_per_node", std::to_string(group.nics_per_node),
                 fmt::format("a divisor of the {} ranks of a node", group.ranks_per_node));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

nlohmann::json more_nodes_json(const std::vector<NodeGroup>& groups) {
  nlohmann::json list = nlohmann::json::array();
  for (const NodeGroup& group : groups) {
    list.push_back({{"gpu", group.gpu.name},
                    {"nodes", group.nodes},
                    {"ranks_per_node", group.ranks_per_node},
                    {"nics_per_node", group.nics_per_node},
                    {"nic_gbit_per_s", card_number(group.nic_bandwidth.bytes_per_s() * 8 / 1e9)}});
  }
  return list;
}

std::vector<std::string> read_graph_switches(JsonReader& reader) {
  std::vector<std::string> names = reader.strings("switches");
  if (names.empty() || names.size() > static_cast<std::size_t>(kMostGraphSwitches)) {
    reader.fail("switches", fmt::format("{} names", names.size()), fmt::format("1 to {}", kMostGraphSwitches));
  }
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    const bool clear = !name.empty() && name.find("->") == std::string::npos && name.rfind("node", 0) != 0;
    if (!clear) reader.fail("switches", shorten_json(name), "names without \"->\" that do not begin with \"node\"");
    if (!seen.insert(name).second) reader.fail("switches", shorten_json(name) + " twice", "each name once");
  }
  return names;
}

std::vector<Cable> read_cables(JsonReader& reader, const ClusterCard& card) {
  const std::vector<std::string_view> names(card.switches.begin(), card.switches.end());
  const std::set<std::string_view> known(names.begin(), names.end());
  std::set<std::string> cabled;
  std::vector<Cable> cables;
  for (JsonReader& entry : reader.objects("cables")) {
    const std::vector<std::string> ends = entry.strings("ends");
    if (ends.size() != 2) entry.fail("ends", fmt::format("{} names", ends.size()), "two");
    int nics = 0;
    for (const std::string& end : ends) {
      if (const auto nic = nic_place(end)) {
        ++nics;
        if (nic->nic >= card.nics_per_node) {
          entry.fail("ends", shorten_json(end), fmt::format("one of the {} NICs of a node", card.nics_per_node));
        }
        if (!cabled.insert(end).second) entry.fail("ends", shorten_json(end) + " again", "one cable at each NIC");
      } else if (known.count(end) == 0) {
        entry.fail("ends", shorten_json(end),
                   "one of the switches, or a NIC such as \"node0/nic0\"" + did_you_mean(end, names));
      }
    }
    if (ends[0] == ends[1]) entry.fail("ends", shorten_json(ends[0]) + " twice", "two different ends");
    if (nics == 2) {
      entry.fail("ends", shorten_json(ends), "a NIC and a switch, or two switches");
    }
    Cable cable{ends[0], ends[1], card.nic_bandwidth, card.switch_latency};
    if (entry.has("gbit_per_s")) cable.bandwidth = entry.number("gbit_per_s", 1e-6, 1e9) * Bandwidth::gbit_per_s(1);
    if (entry.has("latency_us")) cable.latency = card_latency(entry.number("latency_us", 0, 1e6));
    entry.finish();
    cables.push_back(std::move(cable));
  }
  check_every_nic(reader, cabled, card.nics_per_node);
  return cables;
}

nlohmann::json cables_json(const std::vector<Cable>& cables) {
  nlohmann::json list = nlohmann::json::array();
  for (const Cable& cable : cables) {
    list.push_back({{"ends", {cable.a, cable.b}},
                    {"gbit_per_s", card_number(cable.bandwidth.bytes_per_s() * 8 / 1e9)},
                    {"latency_us", card_number(static_cast<double>(cable.latency.count) / 1e6)}});
  }
  return list;
}

std::vector<Fault> read_faults(JsonReader& reader) {
  std::vector<Fault> faults;
  for (JsonReader& entry : reader.objects("faults")) {
    Fault fault;
    fault.kind = static_cast<Fault::Kind>(entry.choice("kind", kFaultKinds));
    fault.name = entry.string("name");
    if (is_slow(fault.kind)) fault.factor = entry.number("factor", kLeastFactor, 1);
    entry.finish();
    const bool twice = std::any_of(faults.begin(), faults.end(), [&](const Fault& other) {
      return other.kind == fault.kind && other.name == fault.name;
    });
    if (twice) entry.fail("name", "\"" + fault.name + "\" twice", "each fault once");
    faults.push_back(std::move(fault));
  }
  return faults;
}

nlohmann::json faults_json(const std::vector<Fault>& faults) {
  nlohmann::json list = nlohmann::json::array();
  for (const Fault& fault : faults) {
    nlohmann::json entry = {{"kind", name(fault.kind)}, {"name", fault.name}};
    if (is_slow(fault.kind)) entry["factor"] = card_number(fault.factor);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace moesim
