#include "scenarios/card_source.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/error.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/library_json.hpp"
#include "scenarios/model_card_json.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// Where a card's JSON stands, for errors.
struct Place {
  json value;
  std::string where;
  std::string pointer;
};

Place read_card_file(const std::string& where, const std::string& name) {
  const std::string path = beside(where, name);
  return {parse_json(read_text_file(path), path), path, ""};
}

// A mistake in a card's file also names what referred to that file.
template <class Read>
auto referred(const std::string& where, const std::string& pointer, const Read& read) {
  try {
    return read();
  } catch (const InputError& error) {
    throw InputError(fmt::format("{} (named by {}: {})", error.what(), where, pointer));
  }
}

[[noreturn]] void refuse_name(const std::string& where, const std::string& pointer, const std::string& name,
                              std::string_view kind, std::span<const std::string_view> known) {
  throw InputError(where, pointer, shorten_json(name),
                   fmt::format("a {} of the catalog (moesim show {} lists them), a path or an object{}", kind, kind,
                               did_you_mean(name, known)));
}

// What the kinds of cards differ in.
struct ModelKind {
  using Card = ModelCard;
  static constexpr std::string_view kName = "model";
  static std::vector<std::string_view> names() { return model_card_names(); }
  static Card from_catalog(std::string_view name) { return catalog_model_card(name); }
  static Card read(const JsonReader& reader) { return read_model_card(reader); }
  static ordered_json to_json(const Card& card) { return model_card_json(card); }
};

struct GpuKind {
  using Card = GpuCard;
  static constexpr std::string_view kName = "gpu";
  static std::vector<std::string_view> names() { return gpu_card_names(); }
  static Card from_catalog(std::string_view name) { return catalog_gpu_card(name); }
  static Card read(const JsonReader& reader) { return read_gpu_card(reader); }
  static ordered_json to_json(const Card& card) { return gpu_card_json(card); }
};

struct ProfileKind {
  using Card = KernelProfile;
  static constexpr std::string_view kName = "profile";
  static std::vector<std::string_view> names() { return kernel_profile_names(); }
  static Card from_catalog(std::string_view name) { return catalog_kernel_profile(name); }
  static Card read(const JsonReader& reader) { return read_kernel_profile(reader); }
  static ordered_json to_json(const Card& card) { return kernel_profile_json(card); }
};

struct LibraryKind {
  using Card = ExchangeLibrary;
  static constexpr std::string_view kName = "library";
  static std::vector<std::string_view> names() { return library_names(); }
  static Card from_catalog(std::string_view name) { return catalog_library(name); }
  static Card read(const JsonReader& reader) { return read_library(reader); }
  static ordered_json to_json(const Card& card) { return library_json(card); }
};

template <class Kind>
bool in_catalog(std::string_view name) {
  const auto names = Kind::names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class Kind>
typename Kind::Card read_named(const std::string& name, const std::string& where, const std::string& pointer) {
  if (in_catalog<Kind>(name)) return Kind::from_catalog(name);
  if (!is_card_path(name)) refuse_name(where, pointer, name, Kind::kName, Kind::names());
  return referred(where, pointer, [&] {
    const Place file = read_card_file(where, name);
    return Kind::read(JsonReader(file.value, file.where));
  });
}

// The card, and the JSON text that stands for it.
template <class Kind>
std::pair<typename Kind::Card, std::string> read_source(const json& value, const std::string& where,
                                                        const std::string& pointer) {
  if (value.is_string()) {
    const auto name = value.get<std::string>();
    auto card = read_named<Kind>(name, where, pointer);
    std::string source = in_catalog<Kind>(name) ? value.dump() : Kind::to_json(card).dump();
    return {std::move(card), std::move(source)};
  }
  if (!value.is_object()) {
    throw InputError(where, pointer, shorten_json(value), fmt::format("a name, a path or a {} card", Kind::kName));
  }
  if (!value.contains("card") || value["card"].is_null()) {
    auto card = Kind::read(JsonReader(value, where, pointer));
    std::string source = Kind::to_json(card).dump();
    return {std::move(card), std::move(source)};
  }
  const std::string base = JsonReader(value, where, pointer).string("card");
  json whole = Kind::to_json(read_named<Kind>(base, where, pointer + "/card"));
  json patch = value;
  patch.erase("card");
  whole.merge_patch(patch);  // RFC 7396: objects are merged, everything else is replaced.
  auto card = Kind::read(JsonReader(whole, where, pointer));
  std::string source = in_catalog<Kind>(base) ? value.dump() : Kind::to_json(card).dump();
  return {std::move(card), std::move(source)};
}

// The cluster's "gpu" where it is more than a name of the catalog. The reader of cluster cards only knows the catalog,
// so that a card of the catalog with as many ranks a chip stands in for it while the cluster is read.
struct OwnGpu {
  GpuSource gpu;
  std::string stand_in;
};

std::optional<OwnGpu> take_own_gpu(json& cluster, const std::string& where, const std::string& pointer) {
  if (!cluster.is_object() || !cluster.contains("gpu")) return std::nullopt;
  const json value = cluster["gpu"];
  if (!value.is_object() && !(value.is_string() && is_card_path(value.get<std::string>()))) return std::nullopt;
  OwnGpu own{read_gpu_source(value, where, join_pointer(pointer, "gpu")), {}};
  for (const std::string_view name : gpu_card_names()) {
    if (own.stand_in.empty() && catalog_gpu_card(name).ranks_per_chip == own.gpu.card.ranks_per_chip) {
      own.stand_in = name;
    }
  }
  if (own.stand_in.empty()) {
    throw InputError(where, join_pointer(join_pointer(pointer, "gpu"), "ranks_per_chip"),
                     std::to_string(own.gpu.card.ranks_per_chip), "1 or 2 ranks a chip");
  }
  cluster["gpu"] = own.stand_in;
  return own;
}

ClusterSource read_whole_cluster(Place place) {
  const auto own = take_own_gpu(place.value, place.where, place.pointer);
  ClusterSource result;
  result.card = read_cluster_card(JsonReader(place.value, place.where, place.pointer));
  result.gpu = own ? own->gpu.card : catalog_gpu_card(result.card.gpu);
  json source = cluster_card_json(result.card);
  if (own) source["gpu"] = json::parse(own->gpu.source);
  result.card.gpu = result.gpu.name;
  result.source = source.dump();
  return result;
}

bool is_catalog_cluster(const std::string& name) {
  const auto names = cluster_card_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

ClusterSource read_named_cluster(const std::string& name, const std::string& where, const std::string& pointer) {
  if (is_catalog_cluster(name)) {
    const ClusterCard card = catalog_cluster_card(name);
    return {card, catalog_gpu_card(card.gpu), json{{"card", name}, {"nodes", card.nodes}}.dump()};
  }
  if (!is_card_path(name)) refuse_name(where, pointer, name, "cluster", cluster_card_names());
  return referred(where, pointer, [&] { return read_whole_cluster(read_card_file(where, name)); });
}

}  // namespace

bool is_card_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || (name.size() > 5 && name.substr(name.size() - 5) == ".json");
}

ModelSource read_model_source(const json& value, const std::string& where, const std::string& pointer) {
  if (value.is_string()) {
    const auto name = value.get<std::string>();
    if (const auto reason = undisclosed_reason(name)) {
      throw InputError(where, pointer, shorten_json(value), "a model whose design is public: " + std::string(*reason));
    }
  }
  auto [card, source] = read_source<ModelKind>(value, where, pointer);
  return {std::move(card), std::move(source)};
}

GpuSource read_gpu_source(const json& value, const std::string& where, const std::string& pointer) {
  auto [card, source] = read_source<GpuKind>(value, where, pointer);
  return {std::move(card), std::move(source)};
}

ProfileSource read_profile_source(const json& value, const std::string& where, const std::string& pointer) {
  auto [card, source] = read_source<ProfileKind>(value, where, pointer);
  return {std::move(card), std::move(source)};
}

LibrarySource read_library_source(const json& value, const std::string& where, const std::string& pointer) {
  auto [card, source] = read_source<LibraryKind>(value, where, pointer);
  return {std::move(card), std::move(source)};
}

GpuCard read_named_gpu(const std::string& name, const std::string& where, const std::string& pointer) {
  return read_named<GpuKind>(name, where, pointer);
}

KernelProfile read_named_profile(const std::string& name, const std::string& where, const std::string& pointer) {
  return read_named<ProfileKind>(name, where, pointer);
}

ClusterSource read_cluster_source(const json& value, const std::string& where, const std::string& pointer) {
  if (value.is_string()) return read_named_cluster(value.get<std::string>(), where, pointer);
  if (!value.is_object()) {
    throw InputError(where, pointer, shorten_json(value), "a name, a path or a cluster card");
  }
  if (!value.contains("card") || value["card"].is_null()) return read_whole_cluster({value, where, pointer});

  // A card with some keys replaced. A torus with new sides is filled, unless "nodes" says otherwise.
  json patch = value;
  const std::string base_name = JsonReader(value, where, pointer).string("card");
  patch.erase("card");
  for (auto it = patch.begin(); it != patch.end();) it = it->is_null() ? patch.erase(it) : std::next(it);
  const ClusterSource base = read_named_cluster(base_name, where, pointer + "/card");
  json whole = is_catalog_cluster(base_name) ? cluster_card_json(base.card) : json::parse(base.source);
  if (patch.contains("torus_dims") && !patch.contains("nodes")) whole.erase("nodes");
  whole.merge_patch(patch);
  ClusterSource result = read_whole_cluster({whole, where, pointer});
  if (is_catalog_cluster(base_name)) {
    patch["card"] = base_name;
    patch["nodes"] = result.card.nodes;
    if (const json gpu = json::parse(result.source)["gpu"]; gpu.is_object()) patch["gpu"] = gpu;
    result.source = patch.dump();
  }
  return result;
}

}  // namespace moesim
