#include "scenarios/cluster_card_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "scenarios/cluster_parts_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "sim/check.hpp"
#include "topologies/catalog.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kManyNodes = 10'000'000'000'000;  // Above it no message about memory helps anybody.
constexpr int kManyPorts = 1000;                         // Of a node, of a switch: no product of counts overflows.
constexpr double kMostUs = 1e6;
constexpr double kLeastRate = 1e-6;
constexpr double kMostRate = 1e9;
constexpr std::array<std::string_view, 3> kPathChoices = {"deterministic", "ecmp", "adaptive"};  // As PathChoice.
constexpr std::array<std::string_view, 2> kForwarding = {"none", "nvlink"};
constexpr std::array<std::string_view, 2> kCables = {"fibre", "copper"};

// Reads the keys of a card over what stands there. In a whole card the keys without a default must be given.
class CardFields {
 public:
  CardFields(JsonReader& reader, bool whole) : reader_(reader), whole_(whole) {}

  void count(std::string_view key, int& value) {
    if (whole_ || reader_.has(key)) value = static_cast<int>(reader_.integer(key, 1, kManyPorts));
  }
  void latency(std::string_view key, Picoseconds& value) {
    if (whole_ || reader_.has(key)) value = card_latency(reader_.number(key, 0, kMostUs));
  }
  // `unit` is 1 GB/s or 1 Gbit/s.
  void bandwidth(std::string_view key, Bandwidth unit, Bandwidth& value) {
    if (whole_ || reader_.has(key)) value = reader_.number(key, kLeastRate, kMostRate) * unit;
  }
  // These may be missing from a whole card.
  void optional_latency(std::string_view key, Picoseconds& value) {
    if (reader_.has(key)) value = card_latency(reader_.number(key, 0, kMostUs));
  }
  void optional_bandwidth(std::string_view key, Bandwidth unit, Bandwidth& value) {
    if (reader_.has(key)) value = reader_.number(key, kLeastRate, kMostRate) * unit;
  }
  void ratio(std::string_view key, double min, double max, double& value) {
    value = reader_.number_or(key, min, max, value);
  }

 private:
  JsonReader& reader_;
  bool whole_;
};

void read_parameters(JsonReader& reader, bool whole, const TopologyKind& kind, ClusterCard& card) {
  std::vector<std::pair<std::string, int>> parameters;
  for (const KindParameter& parameter : kind.parameters) {
    const bool required = whole && !parameter.fallback;
    if (required || reader.has(parameter.key)) {
      parameters.emplace_back(parameter.key, reader.integer(parameter.key, parameter.min, parameter.max));
    } else {
      reader.integer_or(parameter.key, parameter.min, parameter.max, parameter.min);  // Known, though absent.
      parameters.emplace_back(parameter.key, moesim::parameter(card, parameter));
    }
  }
  card.parameters = std::move(parameters);
}

void read_pcie(CardFields& fields, ClusterCard& card) {
  fields.optional_bandwidth("pcie_gb_per_s", Bandwidth::gbyte_per_s(1), card.pcie_bandwidth);
  const bool modelled = card.pcie_bandwidth.bytes_per_s() > 0;
  if (modelled) fields.optional_latency("pcie_latency_us", card.pcie_latency);
}

void read_path_choice(JsonReader& reader, const TopologyKind& kind, ClusterCard& card) {
  if (reader.has("routing")) {
    card.path_choice = static_cast<PathChoice>(reader.choice("routing", kPathChoices));
    if (card.path_choice == PathChoice::adaptive && !kind.is_tree) {
      reader.fail("routing", "\"adaptive\"",
                  fmt::format("\"deterministic\" or \"ecmp\": the paths of a {} are no trunks", card.kind));
    }
  }
  if (reader.has("forwarding")) card.nvlink_forwarding = reader.choice("forwarding", kForwarding) == 1;
  if (reader.has("endpoint_cables")) {
    card.copper_endpoint_cables = reader.choice("endpoint_cables", kCables) == 1;
  }
}

void read_switches(JsonReader& reader, bool whole, CardFields& fields, const TopologyKind& kind, ClusterCard& card) {
  fields.count("nics_per_node", card.nics_per_node);
  fields.bandwidth("nic_gbit_per_s", Bandwidth::gbit_per_s(1), card.nic_bandwidth);
  fields.latency("nic_latency_us", card.nic_latency);
  fields.latency("switch_latency_us", card.switch_latency);
  fields.ratio("scale_out_efficiency", 0.01, 1, card.scale_out_efficiency);
  if (!kind.is_graph) fields.count("switch_radix", card.switch_radix);
  if (kind.is_tree) fields.ratio("oversubscription", 1, 1000, card.oversubscription);
  if (card.ranks_per_node % card.nics_per_node != 0) {
    reader.fail("nics_per_node", std::to_string(card.nics_per_node),
                fmt::format("a divisor of the {} ranks of a node", card.ranks_per_node));
  }
  if (!kind.is_graph && card.switch_radix < 2) {
    reader.fail("switch_radix", std::to_string(card.switch_radix), "at least 2 ports");
  }
  if (whole) card.nvlink_forwarding = kind.has_planes;
  read_pcie(fields, card);
  read_path_choice(reader, kind, card);
  if (kind.is_graph && (whole || reader.has("switches"))) card.switches = read_graph_switches(reader);
  if (kind.is_graph && (whole || reader.has("cables"))) card.cables = read_cables(reader, card);
  if (!kind.is_graph && reader.has("more_nodes")) card.more_nodes = read_more_nodes(reader, card);
}

void read_rails(JsonReader& reader, CardFields& fields, ClusterCard& card) {
  fields.count("rails", card.rails);
  if (card.nics_per_node % card.rails != 0 || card.rails > card.switch_radix) {
    reader.fail("rails", std::to_string(card.rails),
                fmt::format("a divisor of the {} NICs of a node, at most the switch_radix of {}", card.nics_per_node,
                            card.switch_radix));
  }
  for (std::size_t i = 0; i < card.more_nodes.size(); ++i) {
    const int nics = card.more_nodes[i].nics_per_node;
    if (nics % card.rails == 0) continue;
    reader.fail("more_nodes", fmt::format("{} NICs of a node", nics),
                fmt::format("a multiple of the {} rails", card.rails));
  }
}

// Returns whether the sides were given.
bool read_torus(JsonReader& reader, CardFields& fields, bool whole, ClusterCard& card) {
  const bool given = whole || reader.has("torus_dims");
  if (given) {
    const std::vector<double> sides = reader.numbers("torus_dims", 1, 1e4);
    const bool integers = std::all_of(sides.begin(), sides.end(), [](double x) { return x == std::floor(x); });
    if (!integers || sides.size() < 2 || sides.size() > 3) {
      reader.fail("torus_dims", fmt::format("{} numbers", sides.size()), "2 or 3 integers, such as [16, 16]");
    }
    card.torus_dims.clear();
    for (const double side : sides) card.torus_dims.push_back(static_cast<int>(side));
  }
  const GpuCard gpu = catalog_gpu_card(card.gpu);
  if (card.ranks_per_node != gpu.ranks_per_chip) {
    reader.fail("ranks_per_node", std::to_string(card.ranks_per_node),
                fmt::format("{}, the ranks of one chip of {}", gpu.ranks_per_chip, gpu.name));
  }
  if (card.ranks_per_node > 1) {
    fields.bandwidth("on_chip_gb_per_s", Bandwidth::gbyte_per_s(1), card.on_chip_bandwidth);
    fields.latency("on_chip_latency_us", card.on_chip_latency);
  }
  return given;
}

void read_nodes(JsonReader& reader, bool fill_torus, const TopologyKind& kind, ClusterCard& card) {
  const std::int64_t fallback = fill_torus ? kind.max_nodes(card) : card.nodes;
  const std::int64_t nodes = reader.integer_or("nodes", 1, kManyNodes, fallback);
  if (const auto problem = size_problem(card, nodes)) reader.fail("nodes", problem->found, problem->expected);
  card.nodes = static_cast<int>(nodes);
}

// Everything but "schema", "name", "kind" and "sources".
void read_fields(JsonReader& reader, bool whole, ClusterCard& card) {
  const TopologyKind* kind = find_topology_kind(card.kind);
  MOESIM_CHECK(kind != nullptr, "no topology kind \"{}\"", card.kind);
  CardFields fields(reader, whole);
  card.description = reader.string_or("description", card.description);
  const std::vector<std::string_view> gpus = gpu_card_names();
  if (whole || reader.has("gpu")) card.gpu = gpus[reader.choice("gpu", gpus)];
  fields.count("ranks_per_node", card.ranks_per_node);
  fields.latency("scale_up_latency_us", card.scale_up_latency);
  fields.ratio("scale_up_efficiency", 0.01, 1, card.scale_up_efficiency);
  if (kind->has_switches) read_switches(reader, whole, fields, *kind, card);
  read_parameters(reader, whole, *kind, card);
  if (kind->has_rails) read_rails(reader, fields, card);
  const bool new_torus = kind->is_torus && read_torus(reader, fields, whole, card);
  if (kind->problem != nullptr) {
    if (const auto problem = kind->problem(card)) reader.fail(problem->key, problem->found, problem->expected);
  }
  read_nodes(reader, new_torus, *kind, card);
  if (reader.has("faults")) card.faults = read_faults(reader);
}

}  // namespace

ClusterCard read_cluster_card(JsonReader reader) {
  std::vector<std::string_view> kinds;
  for (const TopologyKind& kind : topology_kinds()) kinds.push_back(kind.name);
  ClusterCard card;
  reader.integer("schema", 1, 1);
  card.name = reader.string("name");
  card.kind = kinds[reader.choice("kind", kinds)];
  read_fields(reader, true, card);
  card.sources = read_sources(reader);
  reader.finish();
  return card;
}

void override_cluster_card(JsonReader& reader, ClusterCard& card) { read_fields(reader, false, card); }

nlohmann::json cluster_card_json(const ClusterCard& card) {
  const TopologyKind* kind = find_topology_kind(card.kind);
  MOESIM_CHECK(kind != nullptr, "no topology kind \"{}\"", card.kind);
  const auto us = [](Picoseconds latency) { return card_number(static_cast<double>(latency.count) / 1e6); };
  nlohmann::json json = {
      {"schema", 1},
      {"name", card.name},
      {"description", card.description},
      {"kind", card.kind},
      {"gpu", card.gpu},
      {"nodes", card.nodes},
      {"ranks_per_node", card.ranks_per_node},
      {"scale_up_latency_us", us(card.scale_up_latency)},
      {"scale_up_efficiency", card_number(card.scale_up_efficiency)},
      {"sources", sources_json(card.sources)},
  };
  if (kind->has_switches) {
    json["nics_per_node"] = card.nics_per_node;
    json["nic_gbit_per_s"] = card_number(card.nic_bandwidth.bytes_per_s() * 8 / 1e9);
    json["nic_latency_us"] = us(card.nic_latency);
    json["switch_latency_us"] = us(card.switch_latency);
    json["scale_out_efficiency"] = card_number(card.scale_out_efficiency);
    if (!kind->is_graph) json["switch_radix"] = card.switch_radix;
    if (kind->is_tree) json["oversubscription"] = card_number(card.oversubscription);
    json["routing"] = kPathChoices[static_cast<std::size_t>(card.path_choice)];
    json["forwarding"] = kForwarding[card.nvlink_forwarding ? 1 : 0];
    json["endpoint_cables"] = kCables[card.copper_endpoint_cables ? 1 : 0];
    if (card.pcie_bandwidth.bytes_per_s() > 0) {
      json["pcie_gb_per_s"] = card_number(card.pcie_bandwidth.gbyte_per_s());
      json["pcie_latency_us"] = us(card.pcie_latency);
    }
    if (kind->is_graph) {
      json["switches"] = card.switches;
      json["cables"] = cables_json(card.cables);
    }
    if (!card.more_nodes.empty()) json["more_nodes"] = more_nodes_json(card.more_nodes);
  }
  for (const KindParameter& which : kind->parameters) json[std::string(which.key)] = parameter(card, which);
  if (!card.faults.empty()) json["faults"] = faults_json(card.faults);
  if (kind->has_rails) json["rails"] = card.rails;
  if (kind->is_torus) {
    json["torus_dims"] = card.torus_dims;
    if (card.ranks_per_node > 1) {
      json["on_chip_gb_per_s"] = card_number(card.on_chip_bandwidth.bytes_per_s() / 1e9);
      json["on_chip_latency_us"] = us(card.on_chip_latency);
    }
  }
  return json;
}

std::vector<std::string_view> cluster_card_names() {
  std::vector<std::string_view> names;
  for (const Card& card : cluster_cards()) names.push_back(card.name);
  return names;
}

ClusterCard catalog_cluster_card(std::string_view name) {
  const auto cards = cluster_cards();
  const auto found = std::find_if(cards.begin(), cards.end(), [&](const Card& card) { return card.name == name; });
  MOESIM_CHECK(found != cards.end(), "no cluster card \"{}\"", name);
  const std::string where = "catalog/clusters/" + std::string(name) + ".json";
  const nlohmann::json json = parse_json(found->text, where);
  return read_cluster_card(JsonReader(json, where));
}

}  // namespace moesim
