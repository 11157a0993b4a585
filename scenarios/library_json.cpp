#include "scenarios/library_json.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 3> kOrigins{"fitted", "published", "borrowed"};

std::string plain(JsonReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (text.empty() || !is_plain_text(text)) reader.fail(key, shorten_json(text), "plain text");
  return text;
}

LibraryConstant read_constant(JsonReader& reader) {
  std::vector<std::string_view> names;
  for (const LibraryConstantInfo& info : library_constants()) names.push_back(info.name);
  const LibraryConstantInfo& info = library_constants()[reader.choice("name", names)];
  LibraryConstant constant;
  constant.name = info.name;
  constant.value = reader.number("value", info.min, info.max);
  constant.origin = static_cast<ConstantOrigin>(reader.choice("origin", kOrigins));
  constant.source = plain(reader, "source");
  reader.finish();
  return constant;
}

std::vector<ExchangeAlgorithm> read_algorithms(JsonReader& reader) {
  std::vector<ExchangeAlgorithm> algorithms;
  for (const std::string& text : reader.strings("algorithms")) {
    const auto algorithm = exchange_algorithm(text);
    if (!algorithm) reader.fail("algorithms", shorten_json(text), "names of dispatch algorithms");
    algorithms.push_back(*algorithm);
  }
  return algorithms;
}

template <class Condition>
std::optional<ExchangeLibrary> first_card(const Condition& condition) {
  for (const std::string_view name : library_names()) {
    ExchangeLibrary card = catalog_library(name);
    if (condition(card)) return card;
  }
  return std::nullopt;
}

bool is_for(const ExchangeLibrary& card, std::string_view gpu) {
  return std::find(card.gpus.begin(), card.gpus.end(), gpu) != card.gpus.end();
}

}  // namespace

ExchangeLibrary read_library(JsonReader reader) {
  ExchangeLibrary library;
  reader.integer("schema", 1, 1);
  library.name = plain(reader, "name");
  library.library = plain(reader, "library");
  library.description = plain(reader, "description");
  library.gpus = reader.strings("gpus");
  library.algorithms = read_algorithms(reader);
  for (JsonReader& each : reader.objects("constants")) {
    LibraryConstant constant = read_constant(each);
    if (library.constant(constant.name)) each.fail("name", shorten_json(constant.name), "each constant once");
    library.constants.push_back(std::move(constant));
  }
  reader.finish();
  return library;
}

ordered_json library_json(const ExchangeLibrary& library) {
  ordered_json algorithms = ordered_json::array();
  for (const ExchangeAlgorithm algorithm : library.algorithms) algorithms.push_back(name(algorithm));
  ordered_json constants = ordered_json::array();
  for (const LibraryConstant& constant : library.constants) {
    constants.push_back({{"name", constant.name},
                         {"value", card_number(constant.value)},
                         {"origin", kOrigins[static_cast<std::size_t>(constant.origin)]},
                         {"source", constant.source}});
  }
  return {{"schema", 1},
          {"name", library.name},
          {"library", library.library},
          {"description", library.description},
          {"gpus", library.gpus},
          {"algorithms", std::move(algorithms)},
          {"constants", std::move(constants)}};
}

std::vector<std::string_view> library_names() {
  std::vector<std::string_view> names;
  for (const Card& card : library_cards()) names.push_back(card.name);
  return names;
}

ExchangeLibrary catalog_library(std::string_view name) {
  const auto cards = library_cards();
  const auto found = std::find_if(cards.begin(), cards.end(), [&](const Card& card) { return card.name == name; });
  MOESIM_CHECK(found != cards.end(), "no library \"{}\"", name);
  const std::string where = "libraries/" + std::string(name) + ".json";
  const json value = parse_json(found->text, where);
  return read_library(JsonReader(value, where));
}

std::optional<ExchangeLibrary> library_for(std::string_view library, std::string_view gpu) {
  return first_card([&](const ExchangeLibrary& card) { return card.library == library && is_for(card, gpu); });
}

std::optional<ExchangeLibrary> default_library(ExchangeAlgorithm algorithm, std::string_view gpu) {
  // The other algorithms are anybody's: a scenario says whose it means.
  switch (algorithm) {
    case ExchangeAlgorithm::two_hop:
      return library_for("deepep", gpu);
    case ExchangeAlgorithm::low_latency:
      return library_for("deepep_low_latency", gpu);
    default:
      return std::nullopt;
  }
}

}  // namespace moesim
