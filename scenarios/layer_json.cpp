#include "scenarios/layer_json.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMaxModules = 16;
constexpr std::array<std::string_view, 2> kStacks{"encoder", "decoder"};

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

void add_module(JsonReader& reader, std::string_view key, Layer& layer, const std::string& module,
                std::span<const std::string> mixers) {
  if (layer.moe || (layer.dense_ffns > 0 && module != "dense" && module != "moe")) {
    reader.fail(key, in_quotes(module) + " behind an FFN", "mixers first, then \"dense\", then \"moe\" once");
  }
  if (module == "dense") {
    ++layer.dense_ffns;
  } else if (module == "moe") {
    layer.moe = true;
  } else if (const auto it = std::find(mixers.begin(), mixers.end(), module); it != mixers.end()) {
    layer.mixers.push_back(static_cast<std::size_t>(it - mixers.begin()));
  } else {
    std::vector<std::string_view> known(mixers.begin(), mixers.end());
    known.insert(known.end(), {"dense", "moe"});
    const auto nearest = nearest_name(module, known);
    reader.fail(key, in_quotes(module),
                "\"dense\", \"moe\" or one of the card's mixers" +
                    (nearest ? "; did you mean " + in_quotes(*nearest) + "?" : ""));
  }
}

void append_layers(JsonReader& reader, std::vector<JsonReader> entries, std::span<const std::string> mixers,
                   std::vector<Layer>& layers);

void append_times(JsonReader& reader, std::string_view key, const std::vector<Layer>& block, std::int64_t times,
                  std::vector<Layer>& layers) {
  const auto total = static_cast<std::int64_t>(layers.size()) + times * static_cast<std::int64_t>(block.size());
  if (total > kMaxLayers) {
    reader.fail(key, fmt::format("{} layers", total), fmt::format("at most {} in all", kMaxLayers));
  }
  for (std::int64_t i = 0; i < times; ++i) layers.insert(layers.end(), block.begin(), block.end());
}

void append_entry(JsonReader& entry, std::span<const std::string> mixers, std::vector<Layer>& layers) {
  if (entry.has("repeat")) {
    const std::int64_t times = entry.integer("repeat", 1, kMaxLayers);
    std::vector<Layer> block;
    append_layers(entry, entry.objects("layers"), mixers, block);
    entry.finish();
    append_times(entry, "repeat", block, times, layers);
    return;
  }
  Layer layer = read_modules(entry, "modules", mixers);
  layer.norms = static_cast<int>(entry.integer_or("norms", 0, 64, layer.norms));
  if (entry.has("stack")) layer.stack = static_cast<Stack>(entry.choice("stack", kStacks));
  const std::int64_t count = entry.integer_or("count", 1, kMaxLayers, 1);
  entry.finish();
  append_times(entry, "count", {layer}, count, layers);
}

void append_layers(JsonReader& reader, std::vector<JsonReader> entries, std::span<const std::string> mixers,
                   std::vector<Layer>& layers) {
  if (entries.empty()) reader.fail("layers", "an empty list", "at least one layer");
  for (JsonReader& entry : entries) append_entry(entry, mixers, layers);
}

int modules(const Layer& layer) {
  return static_cast<int>(layer.mixers.size()) + layer.dense_ffns + (layer.moe ? 1 : 0);
}

// How often the first `period` layers stand one after the other at the front.
std::size_t repeats(std::span<const Layer> layers, std::size_t period) {
  std::size_t times = 1;
  while ((times + 1) * period <= layers.size() &&
         std::equal(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(period),
                    layers.begin() + static_cast<std::ptrdiff_t>(times * period))) {
    ++times;
  }
  return times;
}

ordered_json layer_json(const Layer& layer, std::size_t count, std::span<const NamedMixer> mixers) {
  ordered_json value{{"modules", modules_json(layer, mixers)}};
  if (count > 1) value["count"] = count;
  if (layer.norms != modules(layer)) value["norms"] = layer.norms;
  if (layer.stack == Stack::encoder) value["stack"] = "encoder";
  return value;
}

}  // namespace

Layer read_modules(JsonReader& reader, std::string_view key, std::span<const std::string> mixers) {
  Layer layer;
  const std::vector<std::string> names = reader.strings(key);
  if (names.empty() || names.size() > kMaxModules) {
    reader.fail(key, fmt::format("{} modules", names.size()), fmt::format("1 to {}", kMaxModules));
  }
  for (const std::string& name : names) add_module(reader, key, layer, name, mixers);
  layer.norms = modules(layer);
  return layer;
}

std::vector<Layer> read_layers(JsonReader& reader, std::span<const std::string> mixers) {
  std::vector<Layer> layers;
  append_layers(reader, reader.objects("layers"), mixers, layers);
  return layers;
}

ordered_json modules_json(const Layer& layer, std::span<const NamedMixer> mixers) {
  ordered_json names = ordered_json::array();
  for (const std::size_t index : layer.mixers) names.push_back(mixers[index].name);
  for (int i = 0; i < layer.dense_ffns; ++i) names.push_back("dense");
  if (layer.moe) names.push_back("moe");
  return names;
}

ordered_json layers_json(std::span<const Layer> layers, std::span<const NamedMixer> mixers) {
  constexpr std::size_t kMaxPeriod = 16;
  ordered_json list = ordered_json::array();
  while (!layers.empty()) {
    std::size_t period = 1;
    std::size_t saved = 0;  // Layers that need not be written.
    for (std::size_t p = 1; p <= std::min(kMaxPeriod, layers.size()); ++p) {
      const std::size_t saves = (repeats(layers, p) - 1) * p;
      if (saves > saved) period = p, saved = saves;
    }
    const std::size_t times = repeats(layers, period);
    if (period == 1) {
      list.push_back(layer_json(layers.front(), times, mixers));
    } else {
      list.push_back({{"repeat", times}, {"layers", layers_json(layers.first(period), mixers)}});
    }
    layers = layers.subspan(times * period);
  }
  return list;
}

}  // namespace moesim
