#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/cluster_card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/show_cards.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

std::string row(std::string_view label, const std::string& value, const std::string& note = "") {
  std::string line = fmt::format("  {:<28}{:>22}   {}", label, value, note);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string source_rows(const std::vector<SourceNote>& sources, const ReportStyle& style) {
  std::string text = sources.empty() ? "" : "\n" + faint("Sources", style) + "\n";
  for (const SourceNote& note : sources) text += "  " + wrap(note.source, 94, 4) + "\n";
  return text;
}

std::string capacity_text(Bytes bytes) { return fmt::format("{:.4g} GB", static_cast<double>(bytes.count) / 1e9); }

std::string rate_text(Bandwidth rate) { return fmt::format("{:.4g} GB/s", rate.gbyte_per_s()); }

// A rate of which an efficiency was taken off, or the one of the data sheet.
std::string_view rate_word(double efficiency) { return efficiency < 1 ? "achievable" : "line rate"; }

ordered_json gpu_summary_json(const GpuCard& card) {
  return {{"schema", 1},
          {"name", card.name},
          {"hbm_capacity_bytes", card.hbm_capacity.count},
          {"card", gpu_card_json(card)}};
}

std::string gpu_summary_text(const GpuCard& card, const ReportStyle& style) {
  std::string text = bold(fmt::format("{}, {}, {}", card.name, card.vendor, card.year), style) + "\n";
  for (const auto& [type, rate] : card.peak)
    text += row("peak " + type, fmt::format("{:.5g} TFLOP/s", rate.tflop_per_s()));
  text += row("HBM", capacity_text(card.hbm_capacity), rate_text(card.hbm_bandwidth));
  text += row("scale-up", rate_text(card.scale_up_bandwidth),
              fmt::format("one direction, {} links of {}", card.scale_up_links, card.scale_up_kind));
  text += row("power", fmt::format("{:.4g} W", card.tdp_w), "TDP");
  return text + source_rows(card.sources, style);
}

ordered_json bill_json(const BillOfMaterials& bill) {
  ordered_json switches = ordered_json::array();
  for (const BillOfMaterials::Switches& some : bill.switches) {
    switches.push_back({{"role", some.role}, {"radix", some.radix}, {"count", some.count}});
  }
  return {{"endpoints", bill.endpoints},
          {"switches", switches},
          {"endpoint_cables", bill.endpoint_cables},
          {"switch_cables", bill.switch_cables},
          {"transceivers", bill.transceivers()}};
}

// Empty for a cluster without anything outside of its nodes.
std::string bill_rows(const BillOfMaterials& bill) {
  if (bill.endpoints == 0) return "";
  std::string text;
  for (const BillOfMaterials::Switches& some : bill.switches) {
    text += row(some.role + " switches", grouped(some.count), fmt::format("{} ports", some.radix));
  }
  if (bill.endpoint_cables > 0) {
    text += row("cables to NICs", grouped(bill.endpoint_cables), bill.copper_endpoint_cables ? "copper" : "fibre");
  }
  text += row(bill.switches.empty() ? "cables between chips" : "cables between switches", grouped(bill.switch_cables));
  if (!bill.switches.empty()) text += row("transceivers", grouped(bill.transceivers()), "two a fibre");
  return text;
}

ordered_json cluster_summary_json(const ClusterCard& card, const GpuCard& gpu) {
  const TopologySize size = topology_size(card, card.nodes);
  return {{"schema", 1},
          {"name", card.name},
          {"ranks", size.ranks},
          {"links", size.links},
          {"bill_of_materials", bill_json(bill_of_materials(card, card.nodes))},
          {"gpu", gpu_card_json(gpu)},
          {"card", cluster_card_json(card)}};
}

std::string cluster_summary_text(const ClusterCard& card, const GpuCard& gpu, const ReportStyle& style) {
  const TopologySize size = topology_size(card, card.nodes);
  std::string text = bold(card.name, style) + "\n";
  if (!card.description.empty()) text += "  " + wrap(card.description, 94, 2) + "\n";
  text += row("kind", card.kind);
  text +=
      row("ranks", grouped(size.ranks),
          fmt::format("{} {} of {} {}", card.nodes, card.nodes == 1 ? "node" : "nodes", card.ranks_per_node, gpu.name));
  text += row("links", grouped(size.links), "each direction is one");
  text += row("scale-up", rate_text(card.scale_up_efficiency * gpu.scale_up_bandwidth),
              fmt::format("one direction, {}; {}", rate_word(card.scale_up_efficiency), gpu.scale_up_kind));
  if (card.nics_per_node > 0) {
    text += row("NICs a node", std::to_string(card.nics_per_node),
                fmt::format("{} one direction, {}", rate_text(card.scale_out_efficiency * card.nic_bandwidth),
                            rate_word(card.scale_out_efficiency)));
    if (find_topology_kind(card.kind)->is_tree) {
      text += row("oversubscription", fmt::format("{:g}", card.oversubscription));
    }
  }
  for (const NodeGroup& group : card.more_nodes) {
    text += row("more nodes", std::to_string(group.nodes),
                fmt::format("of {} {}, {} NICs of {}", group.ranks_per_node, group.gpu.name, group.nics_per_node,
                            rate_text(card.scale_out_efficiency * group.nic_bandwidth)));
  }
  if (card.rails > 0) text += row("rails", std::to_string(card.rails));
  if (!card.torus_dims.empty()) text += row("torus", fmt::format("{}", fmt::join(card.torus_dims, " x ")));
  for (const KindParameter& which : find_topology_kind(card.kind)->parameters) {
    text += row(std::string(which.key), std::to_string(parameter(card, which)));
  }
  text += bill_rows(bill_of_materials(card, card.nodes));
  return text + source_rows(card.sources, style);
}

std::string gpu_list_text(const ReportStyle& style) {
  std::string text = bold(fmt::format("{:<12}{:>16}{:>14}{:>14}{:>14}{:>10}", "name", "bf16 TFLOP/s", "HBM", "HBM GB/s",
                                      "scale-up GB/s", "TDP W"),
                          style) +
                     "\n";
  for (const std::string_view name : gpu_card_names()) {
    const GpuCard card = catalog_gpu_card(name);
    std::string peak = "-";
    for (const auto& [type, rate] : card.peak) {
      if (type == "bf16") peak = fmt::format("{:.5g}", rate.tflop_per_s());
    }
    text += fmt::format("{:<12}{:>16}{:>14}{:>14.5g}{:>14.4g}{:>10.4g}\n", name, peak, capacity_text(card.hbm_capacity),
                        card.hbm_bandwidth.gbyte_per_s(), card.scale_up_bandwidth.gbyte_per_s(), card.tdp_w);
  }
  return text;
}

std::string cluster_list_text(const ReportStyle& style) {
  std::string text =
      bold(fmt::format("{:<16}{:<20}{:<12}{:>7}{:>8}  {}", "name", "kind", "gpu", "nodes", "ranks", "description"),
           style) +
      "\n";
  for (const std::string_view name : cluster_card_names()) {
    const ClusterCard card = catalog_cluster_card(name);
    text += fmt::format("{:<16}{:<20}{:<12}{:>7}{:>8}  {}\n", name, card.kind, card.gpu, card.nodes,
                        card.nodes * card.ranks_per_node, card.description);
  }
  return text;
}

ordered_json gpu_list_json() {
  ordered_json json = ordered_json::object();
  for (const std::string_view name : gpu_card_names())
    json[std::string(name)] = gpu_summary_json(catalog_gpu_card(name));
  return json;
}

ordered_json cluster_list_json() {
  ordered_json json = ordered_json::object();
  for (const std::string_view name : cluster_card_names()) {
    const ClusterCard card = catalog_cluster_card(name);
    json[std::string(name)] = cluster_summary_json(card, catalog_gpu_card(card.gpu));
  }
  return json;
}

}  // namespace

CardReport show_gpu(const std::string& gpu) {
  const GpuCard card = read_gpu_source(gpu, "show gpu", "NAME").card;
  return {[=] { return pretty_json(gpu_summary_json(card)); },
          [=](const ReportStyle& style) { return gpu_summary_text(card, style); }};
}

CardReport show_cluster(const std::string& cluster, std::optional<std::int64_t> nodes) {
  nlohmann::json value = cluster;
  if (nodes) value = {{"card", cluster}, {"nodes", *nodes}};
  const ClusterSource source = read_cluster_source(value, "show cluster", nodes ? "" : "NAME");
  return {[=] { return pretty_json(cluster_summary_json(source.card, source.gpu)); },
          [=](const ReportStyle& style) { return cluster_summary_text(source.card, source.gpu, style); }};
}

CardReport show_gpus() {
  return {[] { return pretty_json(gpu_list_json()); }, gpu_list_text};
}

CardReport show_clusters() {
  return {[] { return pretty_json(cluster_list_json()); }, cluster_list_text};
}

}  // namespace moesim
