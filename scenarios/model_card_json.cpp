#include "scenarios/model_card_json.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/token_mixer.hpp"
#include "scenarios/layer_json.hpp"
#include "scenarios/mixer_json.hpp"
#include "scenarios/moe_json.hpp"
#include "sim/check.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::int64_t kMaxHidden = 1 << 20;
constexpr std::int64_t kMaxTable = 1 << 30;                   // Vocabulary, positions.
constexpr std::int64_t kMaxElements = 1'000'000'000'000'000;  // Of one entry that is given as a number.
// A module of more parameters than this is a slip; with at most 16 modules in 4,096 layers every sum fits 64 bits.
constexpr double kMaxModuleParams = 1e13;

constexpr std::array<std::string_view, 2> kExtraKinds{"vision", "buffers"};
constexpr std::array<std::string_view, 3> kScopes{"mtp", "vision", "buffers"};
constexpr std::array<std::string_view, 3> kConventions{"with_embeddings", "without_input_embedding",
                                                       "without_embeddings"};

void check_module_size(JsonReader& reader, std::string_view key, double params) {
  if (params > kMaxModuleParams) {
    reader.fail(key, fmt::format("{:.3g} parameters in one layer", params),
                fmt::format("at most {:.0g}", kMaxModuleParams));
  }
}

void read_mixers(JsonReader& reader, ModelCard& card) {
  if (!reader.has("mixers")) return;
  JsonReader mixers = reader.object("mixers");
  for (const auto& [name, value] : mixers.value().items()) {
    if (name == "dense" || name == "moe") mixers.fail(name, "a mixer of that name", "another name: layers use it");
    card.mixers.push_back({name, read_mixer(mixers.object(name))});
    check_module_size(mixers, name, static_cast<double>(mixer_params(card.mixers.back().mixer, card.hidden_size)));
  }
}

void read_dense_ffn(JsonReader& reader, ModelCard& card) {
  if (!reader.has("dense_ffn")) return;
  JsonReader entry = reader.object("dense_ffn");
  card.dense_ffn = DenseFfn{.width = entry.integer("width", 1, 1 << 24),
                            .matrices = static_cast<int>(entry.integer("matrices", 2, 3)),
                            .bias = entry.boolean_or("bias", false)};
  entry.finish();
  check_module_size(reader, "dense_ffn", 3.0 * static_cast<double>(card.hidden_size * card.dense_ffn->width));
}

void read_hyper_connections(JsonReader& reader, ModelCard& card) {
  if (!reader.has("hyper_connections")) return;
  JsonReader entry = reader.object("hyper_connections");
  card.hyper_connections = HyperConnections{.streams = entry.integer("streams", 1, 64),
                                            .coefficients = entry.integer("coefficients", 1, 4096),
                                            .scales = entry.integer("scales", 0, 4096)};
  entry.finish();
}

void read_mtp(JsonReader& reader, ModelCard& card, std::span<const std::string> mixers) {
  if (!reader.has("mtp")) return;
  JsonReader entry = reader.object("mtp");
  MtpModules mtp;
  mtp.modules = static_cast<int>(entry.integer("modules", 1, 64));
  mtp.layer = read_modules(entry, "layer", mixers);
  mtp.table_copies = static_cast<int>(entry.integer_or("table_copies", 0, 2, 0));
  mtp.hyper_connections = entry.boolean_or("hyper_connections", false);
  if (mtp.hyper_connections && !card.hyper_connections) {
    entry.fail("hyper_connections", "true", "false: the card has no \"hyper_connections\"");
  }
  entry.finish();
  card.mtp = mtp;
}

void read_extras(JsonReader& reader, ModelCard& card) {
  if (reader.has("other_params")) {
    for (JsonReader& entry : reader.objects("other_params")) {
      card.other_params.push_back({entry.string("name"), entry.integer("params", 1, kMaxElements)});
      entry.finish();
    }
  }
  if (reader.has("checkpoint_extras")) {
    for (JsonReader& entry : reader.objects("checkpoint_extras")) {
      const auto kind = static_cast<CheckpointExtra::Kind>(entry.choice("kind", kExtraKinds));
      card.checkpoint_extras.push_back({entry.string("name"), kind, entry.integer("elements", 1, kMaxElements)});
      entry.finish();
    }
  }
  constexpr std::size_t kMaxEntries = 64;
  if (card.other_params.size() + card.checkpoint_extras.size() > kMaxEntries) {
    reader.fail("other_params", "too many entries", fmt::format("at most {}", kMaxEntries));
  }
}

void read_published(JsonReader& reader, PublishedCounts& published) {
  if (!reader.has("published")) return;
  JsonReader entry = reader.object("published");
  if (entry.has("total_params")) published.total_params = entry.integer("total_params", 1, kMaxElements * 1000);
  published.total_is_exact = entry.boolean_or("total_is_exact", false);
  if (entry.has("total_includes")) {
    for (const std::string& scope : entry.strings("total_includes")) {
      if (std::find(kScopes.begin(), kScopes.end(), scope) == kScopes.end()) {
        entry.fail("total_includes", "\"" + scope + "\"", "\"mtp\", \"vision\" or \"buffers\"");
      }
      if (scope == "mtp") published.total_includes_mtp = true;
      if (scope == "vision") published.total_includes_vision = true;
      if (scope == "buffers") published.total_includes_buffers = true;
    }
  }
  if (entry.has("active_params")) {
    published.active_params = entry.integer("active_params", 1, kMaxElements * 1000);
    if (entry.has("active_convention")) {
      published.active_convention = static_cast<ActiveConvention>(entry.choice("active_convention", kConventions));
    }
  }
  entry.finish();
}

template <class Predicate>
bool any_layer(const ModelCard& card, Predicate uses) {
  return std::any_of(card.layers.begin(), card.layers.end(), uses) || (card.mtp && uses(card.mtp->layer));
}

// What layers use must be described, and what is described must be used.
void check_modules(JsonReader& reader, const ModelCard& card) {
  const auto check = [&](std::string_view key, bool described, bool used) {
    if (used && !described) reader.fail(key, "nothing", fmt::format("an object: layers use \"{}\"", key));
    if (!used && described) reader.fail(key, "an object", "no such key: no layer uses it");
  };
  check("dense_ffn", card.dense_ffn.has_value(), any_layer(card, [](const Layer& l) { return l.dense_ffns > 0; }));
  check("moe", card.moe.has_value(), any_layer(card, [](const Layer& l) { return l.moe; }));
  for (std::size_t i = 0; i < card.mixers.size(); ++i) {
    const bool used = any_layer(card, [&](const Layer& layer) {
      return std::find(layer.mixers.begin(), layer.mixers.end(), i) != layer.mixers.end();
    });
    if (!used) reader.fail("mixers", fmt::format("\"{}\"", card.mixers[i].name), "only mixers that a layer uses");
  }
}

void put_published(ordered_json& value, const PublishedCounts& published) {
  ordered_json entry = ordered_json::object();
  if (published.total_params) entry["total_params"] = *published.total_params;
  if (published.total_is_exact) entry["total_is_exact"] = true;
  ordered_json includes = ordered_json::array();
  if (published.total_includes_mtp) includes.push_back("mtp");
  if (published.total_includes_vision) includes.push_back("vision");
  if (published.total_includes_buffers) includes.push_back("buffers");
  if (!includes.empty()) entry["total_includes"] = includes;
  if (published.active_params) {
    entry["active_params"] = *published.active_params;
    entry["active_convention"] = kConventions[static_cast<std::size_t>(published.active_convention)];
  }
  if (!entry.empty()) value["published"] = entry;
}

void put_head(ordered_json& value, const ModelCard& card) {
  value["schema"] = 1;
  value["name"] = card.name;
  if (card.title != card.name) value["title"] = card.title;
  if (!card.developer.empty()) value["developer"] = card.developer;
  if (!card.release.empty()) value["release"] = card.release;
  value["hidden_size"] = card.hidden_size;
  value["vocab_size"] = card.vocab_size;
  if (card.tied_embeddings) value["tied_embeddings"] = true;
  if (card.norm_bias) value["norm_bias"] = true;
  if (!card.final_norm) value["final_norm"] = false;
  if (card.learned_positions > 0) value["learned_positions"] = card.learned_positions;
}

void put_extras(ordered_json& value, const ModelCard& card) {
  if (card.hyper_connections) {
    const HyperConnections& hc = *card.hyper_connections;
    value["hyper_connections"] = {{"streams", hc.streams}, {"coefficients", hc.coefficients}, {"scales", hc.scales}};
  }
  if (card.mtp) {
    value["mtp"] = {{"modules", card.mtp->modules}, {"layer", modules_json(card.mtp->layer, card.mixers)}};
    if (card.mtp->table_copies > 0) value["mtp"]["table_copies"] = card.mtp->table_copies;
    if (card.mtp->hyper_connections) value["mtp"]["hyper_connections"] = true;
  }
  for (const OtherParams& other : card.other_params) {
    value["other_params"].push_back({{"name", other.name}, {"params", other.params}});
  }
  for (const CheckpointExtra& extra : card.checkpoint_extras) {
    value["checkpoint_extras"].push_back({{"name", extra.name},
                                          {"kind", kExtraKinds[static_cast<std::size_t>(extra.kind)]},
                                          {"elements", extra.elements}});
  }
}

}  // namespace

ModelCard read_model_card(JsonReader reader) {
  ModelCard card;
  reader.integer("schema", 1, 1);
  card.name = reader.string("name");
  card.title = reader.string_or("title", card.name);
  card.developer = reader.string_or("developer", "");
  card.release = reader.string_or("release", "");
  card.hidden_size = reader.integer("hidden_size", 1, kMaxHidden);
  card.vocab_size = reader.integer("vocab_size", 0, kMaxTable);
  card.tied_embeddings = reader.boolean_or("tied_embeddings", false);
  card.norm_bias = reader.boolean_or("norm_bias", false);
  card.final_norm = reader.boolean_or("final_norm", true);
  card.learned_positions = reader.integer_or("learned_positions", 0, kMaxTable, 0);
  read_mixers(reader, card);
  std::vector<std::string> mixers;
  for (const NamedMixer& mixer : card.mixers) mixers.push_back(mixer.name);
  read_dense_ffn(reader, card);
  if (reader.has("moe")) {
    card.moe = read_moe(reader.object("moe"));
    const MoeLayerCounts counts = moe_layer_counts(card);
    check_module_size(reader, "moe",
                      static_cast<double>(card.moe->routing.num_experts) * static_cast<double>(counts.expert_params) +
                          static_cast<double>(counts.shared_params));
  }
  card.layers = read_layers(reader, mixers);
  read_hyper_connections(reader, card);
  read_mtp(reader, card, mixers);
  read_extras(reader, card);
  read_published(reader, card.published);
  if (reader.has("notes")) card.notes = reader.strings("notes");
  if (reader.has("sources")) card.sources = reader.strings("sources");
  check_modules(reader, card);
  reader.finish();
  return card;
}

ordered_json model_card_json(const ModelCard& card) {
  ordered_json value;
  put_head(value, card);
  for (const NamedMixer& mixer : card.mixers) value["mixers"][mixer.name] = mixer_json(mixer.mixer);
  if (card.dense_ffn) {
    value["dense_ffn"] = {{"width", card.dense_ffn->width}, {"matrices", card.dense_ffn->matrices}};
    if (card.dense_ffn->bias) value["dense_ffn"]["bias"] = true;
  }
  if (card.moe) value["moe"] = moe_json(*card.moe);
  value["layers"] = layers_json(card.layers, card.mixers);
  put_extras(value, card);
  put_published(value, card.published);
  if (!card.notes.empty()) value["notes"] = card.notes;
  if (!card.sources.empty()) value["sources"] = card.sources;
  return value;
}

std::vector<std::string_view> model_card_names() {
  std::vector<std::string_view> names;
  for (const Card& card : model_cards()) names.push_back(card.name);
  return names;
}

ModelCard catalog_model_card(std::string_view name) {
  for (const Card& card : model_cards()) {
    if (card.name == name) {
      const std::string where = fmt::format("models/catalog/{}.json", name);
      const json value = parse_json(card.text, where);
      return read_model_card(JsonReader(value, where));
    }
  }
  MOESIM_CHECK(false, "no model card \"{}\"", name);
  return {};
}

}  // namespace moesim
