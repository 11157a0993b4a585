#include "scenarios/schema.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/kernels/kernel_profile.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "sim/card.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {

std::span<const Card> schema_cards();  // schemas/*.json, compiled in.

namespace {

using nlohmann::ordered_json;

// Kinds of clusters say themselves which whole numbers their cards have.
void add_topology_kinds(ordered_json& cluster) {
  ordered_json& properties = cluster["properties"];
  std::set<std::string> kinds;
  for (const TopologyKind& kind : topology_kinds()) {
    kinds.insert(std::string(kind.name));
    for (const KindParameter& parameter : kind.parameters) {
      ordered_json& property = properties[std::string(parameter.key)];
      const int min = property.is_null() ? parameter.min : std::min(parameter.min, property["minimum"].get<int>());
      const int max = property.is_null() ? parameter.max : std::max(parameter.max, property["maximum"].get<int>());
      property = {{"description", parameter.meaning}, {"type", "integer"}, {"minimum", min}, {"maximum", max}};
    }
  }
  properties["kind"] = {{"enum", kinds}};
}

ordered_json schema(std::string_view name) {
  for (const Card& card : schema_cards()) {
    if (card.name != name) continue;
    ordered_json schema = ordered_json::parse(card.text);
    if (name == "cluster") add_topology_kinds(schema);
    return schema;
  }
  const std::vector<std::string_view> names = schema_names();
  const auto nearest = nearest_name(name, names);
  throw InputError("schema", "NAME", "\"" + shorten_text(name) + "\"",
                   fmt::format("one of {}{}", fmt::join(names, ", "),
                               nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : ""));
}

// The cards that may stand in place of a name inside `name`.
std::vector<std::string_view> cards_inside(std::string_view name) {
  if (name == "scenario") return {"model", "cluster", "gpu"};
  if (name == "cluster") return {"gpu"};
  return {};
}

// What a profile says of a family: the one part of a schema that follows from the models' own tables.
ordered_json fit_schema(const KernelFamilyInfo& family) {
  ordered_json constants = {
      {"type", "object"}, {"additionalProperties", false}, {"required", ordered_json::array()}, {"properties", {}}};
  for (const ConstantInfo& info : family.constants) {
    constants["required"].push_back(info.name);
    constants["properties"][std::string(info.name)] = {
        {"description", info.meaning}, {"type", "number"}, {"minimum", info.min}, {"maximum", info.max}};
  }
  const std::string types = family.caches ? "data_type_pair" : "data_type";
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"family", "library", "precision", "constants"}},
          {"properties",
           {{"family", {{"const", family.name}}},
            {"library", {{"type", "string"}, {"minLength", 1}}},
            {"precision", {{"type", "string"}, {"allOf", {{{"$ref", "#/definitions/" + types}}}}}},
            {"constants", std::move(constants)},
            {"measured", {{"$ref", "#/definitions/measured"}}},
            {"fit", {{"$ref", "#/definitions/fit"}}}}}};
}

}  // namespace

std::vector<std::string_view> schema_names() {
  std::vector<std::string_view> names;
  for (const Card& card : schema_cards()) names.push_back(card.name);
  return names;
}

std::string schema_text(const std::string& name) {
  ordered_json whole = schema(name);
  for (const std::string_view inside : cards_inside(name)) {
    ordered_json card = schema(inside);
    for (const auto& [key, definition] : card["definitions"].items()) whole["definitions"][key] = definition;
    card.erase("$schema");
    card.erase("definitions");
    whole["definitions"][std::string(inside) + "_card"] = std::move(card);
  }
  if (name == "profile") {
    for (const KernelFamilyInfo& family : kernel_families()) {
      whole["properties"]["fits"]["items"]["oneOf"].push_back(fit_schema(family));
    }
  }
  return pretty_json(whole);
}

}  // namespace moesim
