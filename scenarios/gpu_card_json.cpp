#include "scenarios/gpu_card_json.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "sim/check.hpp"
#include "topologies/catalog.hpp"

namespace moesim {
namespace {

constexpr double kGib = 1 << 30;
constexpr double kMib = 1 << 20;
constexpr double kMost = 1e9;    // No figure of a card, in its unit, is larger.
constexpr double kLeast = 1e-6;  // Nor is any smaller: zero is no rate.

void read_peak(JsonReader& reader, GpuCard& card) {
  JsonReader peak = reader.object("peak_tflop_per_s");
  for (const std::string_view type : kPeakTypes) {
    if (!peak.has(type)) continue;
    card.peak.emplace_back(type, FlopRate::tflop_per_s(peak.number(type, kLeast, kMost)));
  }
  peak.finish();
  if (card.peak.empty()) reader.fail("peak_tflop_per_s", "no data type", "at least one, such as {\"bf16\": 989.4}");
}

Bytes read_capacity(JsonReader& reader) {
  const bool gib = reader.has("hbm_capacity_gib");
  if (gib && reader.has("hbm_capacity_gb")) {
    reader.fail("hbm_capacity_gb", "both hbm_capacity_gb and hbm_capacity_gib", "one of them");
  }
  const double bytes = gib ? reader.number("hbm_capacity_gib", kLeast, kMost) * kGib
                           : reader.number("hbm_capacity_gb", kLeast, kMost) * 1e9;
  return {std::llround(bytes)};
}

}  // namespace

GpuCard read_gpu_card(JsonReader reader) {
  GpuCard card;
  reader.integer("schema", 1, 1);
  card.name = reader.string("name");
  card.vendor = reader.string("vendor");
  card.year = static_cast<int>(reader.integer("year", 1990, 2100));
  read_peak(reader, card);
  card.multiprocessors = static_cast<int>(reader.integer("multiprocessors", 1, 100000));
  card.hbm_capacity = read_capacity(reader);
  card.hbm_bandwidth = Bandwidth::gbyte_per_s(reader.number("hbm_bandwidth_gb_per_s", kLeast, kMost));
  card.l2_cache = {std::llround(reader.number_or("l2_cache_mib", 0, kMost, 0) * kMib)};
  card.ranks_per_chip = static_cast<int>(reader.integer_or("ranks_per_chip", 1, 64, 1));
  card.scale_up_kind = reader.string("scale_up_kind");
  card.scale_up_links = static_cast<int>(reader.integer("scale_up_links", 1, 1000));
  card.scale_up_bandwidth = Bandwidth::gbyte_per_s(reader.number("scale_up_gb_per_s", kLeast, kMost));
  card.tdp_w = reader.number("tdp_w", kLeast, kMost);
  card.sources = read_sources(reader);
  reader.finish();
  return card;
}

nlohmann::json gpu_card_json(const GpuCard& card) {
  nlohmann::json peak = nlohmann::json::object();
  for (const auto& [type, rate] : card.peak) peak[type] = card_number(rate.tflop_per_s());
  nlohmann::json json = {
      {"schema", 1},
      {"name", card.name},
      {"vendor", card.vendor},
      {"year", card.year},
      {"peak_tflop_per_s", peak},
      {"multiprocessors", card.multiprocessors},
      {"hbm_bandwidth_gb_per_s", card_number(card.hbm_bandwidth.bytes_per_s() / 1e9)},
      {"ranks_per_chip", card.ranks_per_chip},
      {"scale_up_kind", card.scale_up_kind},
      {"scale_up_links", card.scale_up_links},
      {"scale_up_gb_per_s", card_number(card.scale_up_bandwidth.bytes_per_s() / 1e9)},
      {"tdp_w", card_number(card.tdp_w)},
      {"sources", sources_json(card.sources)},
  };
  if (card.l2_cache.count > 0) json["l2_cache_mib"] = card_number(static_cast<double>(card.l2_cache.count) / kMib);
  // In the vendor's own unit: whichever gives the whole number.
  const double gib = static_cast<double>(card.hbm_capacity.count) / kGib;
  if (gib == std::floor(gib)) {
    json["hbm_capacity_gib"] = card_number(gib);
  } else {
    json["hbm_capacity_gb"] = card_number(static_cast<double>(card.hbm_capacity.count) / 1e9);
  }
  return json;
}

std::vector<std::string_view> gpu_card_names() {
  std::vector<std::string_view> names;
  for (const Card& card : gpu_cards()) names.push_back(card.name);
  return names;
}

GpuCard catalog_gpu_card(std::string_view name) {
  const auto cards = gpu_cards();
  const auto found = std::find_if(cards.begin(), cards.end(), [&](const Card& card) { return card.name == name; });
  MOESIM_CHECK(found != cards.end(), "no GPU card \"{}\"", name);
  const std::string where = "catalog/gpus/" + std::string(name) + ".json";
  const nlohmann::json json = parse_json(found->text, where);
  return read_gpu_card(JsonReader(json, where));
}

}  // namespace moesim
