#include "validate/published/published_rows.hpp"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/exchange/wire_format.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/scenario_json.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> kQuantities{"time_us", "node_copies_gb_per_s", "rank_copies_gb_per_s",
                                                      "bus_bandwidth_gb_per_s"};
constexpr double kMostPublished = 1e15;

// A pointer into a run's JSON comes with its unit.
Quantity read_quantity(JsonReader& reader) {
  if (reader.raw("quantity").is_string() && reader.string("quantity").starts_with('/')) {
    Quantity quantity{.name = reader.string("quantity"), .unit = reader.string("unit")};
    quantity.scale = reader.number_or("scale", 1e-15, 1e15, 1);
    return quantity;
  }
  const std::string_view name = kQuantities[reader.choice("quantity", kQuantities)];
  return {.name = std::string(name), .unit = name == "time_us" ? "us" : "GB/s"};
}

// A column of the rows, and the places of the scenario that take its value.
struct Parameter {
  std::string name;
  std::vector<std::string> pointers;
};

std::vector<Parameter> read_parameters(JsonReader reader) {
  std::vector<Parameter> parameters;
  for (const std::string& name : reader.unread()) {
    const bool one = reader.value().at(name).is_string();
    parameters.push_back({name, one ? std::vector{reader.string(name)} : reader.strings(name)});
  }
  reader.finish();
  return parameters;
}

std::string setup_text(const Parameter& parameter, const json& value) {
  return value.is_string() ? value.get<std::string>() : fmt::format("{} {}", parameter.name, value.dump());
}

struct File {
  std::string name;
  std::string source;
  json scenario;
  std::vector<Parameter> parameters;
  Quantity quantity;
};

PublishedRow read_row(JsonReader& reader, const File& file) {
  PublishedRow row;
  row.file = file.name;
  row.source = file.source;
  row.quantity = file.quantity;
  row.id = reader.string("id");
  row.published = reader.number("published", 1e-9, kMostPublished);
  if (reader.boolean_or("fitted", false)) row.use = RowUse::fitted;
  if (reader.has("set_aside")) {
    if (row.use == RowUse::fitted) reader.fail("set_aside", "a row that is fitted", "one of both");
    row.use = RowUse::set_aside;
    row.reason = reader.string("set_aside");
  }
  if (reader.has("repeats")) {
    if (row.use != RowUse::predicted) reader.fail("repeats", "a row that is fitted or set aside", "one of both");
    row.use = RowUse::repeated;
    row.reason = reader.string("repeats");
  }
  json scenario = file.scenario;
  std::vector<std::string> setup;
  for (const Parameter& parameter : file.parameters) {
    if (!reader.has(parameter.name)) continue;
    const json& value = reader.raw(parameter.name);
    for (const std::string& pointer : parameter.pointers) scenario[json::json_pointer(pointer)] = value;
    setup.push_back(setup_text(parameter, value));
  }
  reader.finish();
  row.setup = fmt::format("{}", fmt::join(setup, ", "));
  const std::string where = reader.where() + " " + row.id;
  try {
    row.scenario = parse_scenario(scenario, where);
  } catch (const InputError&) {
    if (row.use != RowUse::set_aside) throw;
    row.scenario = parse_scenario(file.scenario, where);  // Its fault may be that it describes nothing that can run.
    row.runs = false;
  }
  const bool exchange = std::holds_alternative<ExchangeWorkload>(row.scenario.workload) ||
                        std::holds_alternative<CollectiveWorkload>(row.scenario.workload);
  if (exchange || std::holds_alternative<AllToAllWorkload>(row.scenario.workload)) {
    row.group = row.scenario.dispatch.library ? row.scenario.dispatch.library->name : "no library";
  } else {
    row.group = row.file;
  }
  return row;
}

// Bytes of one copy without what travels beside the elements and their scales.
double payload(const Scenario& scenario) {
  const auto& exchange = std::get<ExchangeWorkload>(scenario.workload);
  const DataType type =
      exchange.op == ExchangeDirection::dispatch ? scenario.dispatch.dispatch_dtype : scenario.dispatch.combine_dtype;
  return static_cast<double>(wire_format(scenario.model->hidden_size, type).bytes_per_copy().count);
}

}  // namespace

std::vector<PublishedRow> read_published_rows(const std::string& text, const std::string& where) {
  const json document = parse_json(text, where);
  JsonReader reader(document, where);
  reader.integer("schema", 1, 1);
  File file;
  file.name = reader.string("name");
  file.source = reader.string("source");
  reader.string("what");
  file.scenario = reader.raw("scenario");
  file.parameters = read_parameters(reader.object("parameters"));
  file.quantity = read_quantity(reader);
  std::vector<PublishedRow> rows;
  for (JsonReader& row : reader.objects("rows")) rows.push_back(read_row(row, file));
  reader.finish();
  return rows;
}

std::vector<PublishedRow> published_rows(const Suite& suite) {
  std::vector<PublishedRow> rows;
  for (const Card& card : suite.files()) {
    for (PublishedRow& row :
         read_published_rows(std::string(card.text), fmt::format("reference/{}/{}.json", suite.name, card.name))) {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

double computed(const PublishedRow& row, const RunResult& result) {
  if (row.quantity.name == "time_us") return result.time.us();
  if (row.quantity.name.starts_with('/')) {
    const json value = result_json(result).value(json::json_pointer(row.quantity.name), json());
    MOESIM_CHECK(value.is_number(), "{} has no {}", row.id, row.quantity.name);
    return value.get<double>() * row.quantity.scale;
  }
  if (row.quantity.name == "bus_bandwidth_gb_per_s") {
    MOESIM_CHECK(result.bandwidth.has_value(), "{} without a bandwidth", row.id);
    return result.bandwidth->bus_gb_per_s;
  }
  MOESIM_CHECK(result.copies.has_value(), "{} without copies", row.id);
  const auto copies = static_cast<double>(row.quantity.name == "node_copies_gb_per_s" ? result.copies->to_nodes
                                                                                      : result.copies->to_ranks);
  return copies / row.scenario.parallelism.ep * payload(row.scenario) / result.time.seconds() / 1e9;
}

}  // namespace moesim
