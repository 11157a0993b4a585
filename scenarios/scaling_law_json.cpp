#include "scenarios/scaling_law_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr double kLargest = 1e30;

std::string plain(JsonReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (text.empty() || !is_plain_text(text)) reader.fail(key, shorten_json(text), "plain text");
  return text;
}

std::vector<LawRange> read_ranges(JsonReader reader) {
  std::vector<LawRange> ranges;
  for (const LawQuantity& quantity : law_quantities()) {
    if (!reader.has(quantity.name)) continue;
    const std::vector<double> ends = reader.numbers(quantity.name, 0, kLargest);
    if (ends.size() != 2 || ends[0] > ends[1]) reader.fail(quantity.name, "other numbers", "[least, most]");
    ranges.push_back({std::string(quantity.name), ends[0], ends[1]});
  }
  reader.finish();
  return ranges;
}

}  // namespace

ScalingLaw read_scaling_law(JsonReader reader) {
  ScalingLaw law;
  reader.integer("schema", 1, 1);
  law.name = plain(reader, "name");
  law.title = plain(reader, "title");
  const std::string form = reader.string("form");
  if (!law_form(form)) reader.fail("form", shorten_json(form), "\"granularity\", \"joint_experts\" or \"routed\"");
  law.form = *law_form(form);
  JsonReader constants = reader.object("constants");
  for (const std::string_view name : law_constants(law.form)) {
    law.constants.emplace_back(name, constants.number(name, -kLargest, kLargest));
  }
  constants.finish();
  law.fitted = read_ranges(reader.object("fitted"));
  law.loss = plain(reader, "loss");
  law.provenance = plain(reader, "provenance");
  law.source = plain(reader, "source");
  reader.finish();
  return law;
}

ordered_json scaling_law_json(const ScalingLaw& law) {
  ordered_json constants = ordered_json::object();
  for (const auto& [name, value] : law.constants) constants[name] = card_number(value);
  ordered_json fitted = ordered_json::object();
  for (const LawRange& range : law.fitted) fitted[range.quantity] = {card_number(range.min), card_number(range.max)};
  return {{"schema", 1},
          {"name", law.name},
          {"title", law.title},
          {"form", name(law.form)},
          {"constants", std::move(constants)},
          {"fitted", std::move(fitted)},
          {"loss", law.loss},
          {"provenance", law.provenance},
          {"source", law.source}};
}

std::vector<std::string_view> law_names() {
  std::vector<std::string_view> names;
  for (const Card& card : law_cards()) names.push_back(card.name);
  return names;
}

ScalingLaw read_named_law(const std::string& name, const std::string& where, const std::string& pointer) {
  for (const Card& card : law_cards()) {
    if (card.name != name) continue;
    const std::string file = "laws/" + name + ".json";
    const json value = parse_json(card.text, file);
    return read_scaling_law(JsonReader(value, file));
  }
  if (!is_card_path(name)) {
    throw InputError(where, pointer, shorten_json(name),
                     fmt::format("a law of the catalog ({}) or the path of a card{}", fmt::join(law_names(), ", "),
                                 did_you_mean(name, law_names())));
  }
  const std::string path = beside(where, name);
  const json value = parse_json(read_text_file(path), path);
  return read_scaling_law(JsonReader(value, path));
}

}  // namespace moesim
