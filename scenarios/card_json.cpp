#include "scenarios/card_json.hpp"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesim {

std::vector<SourceNote> read_sources(JsonReader& reader) {
  std::vector<SourceNote> sources;
  if (!reader.has("sources")) return sources;
  for (JsonReader& entry : reader.objects("sources")) {
    sources.push_back({.fields = entry.strings("fields"), .source = entry.string("source")});
    entry.finish();
  }
  return sources;
}

nlohmann::json sources_json(const std::vector<SourceNote>& sources) {
  nlohmann::json list = nlohmann::json::array();
  for (const SourceNote& note : sources) list.push_back({{"fields", note.fields}, {"source", note.source}});
  return list;
}

nlohmann::json card_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return std::stod(fmt::format("{:.12g}", value));
}

Picoseconds card_latency(double microseconds) { return {std::llround(microseconds * 1e6)}; }

}  // namespace moesim
