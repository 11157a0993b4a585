#include "scenarios/lab/lab_file.hpp"

#include <array>
#include <set>

#include <fmt/format.h>

#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/scaling_law_json.hpp"
#include "scenarios/scenario_json.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 3> kKinds{"dynamics", "granularity", "node_limit"};
constexpr std::array<std::string_view, 3> kScorings{"softmax_topk", "softmax", "sigmoid"};
constexpr std::array<std::string_view, 3> kExplorations{"none", "noisy_top_k", "gumbel"};

int whole(JsonReader& reader, std::string_view key, int min, int max, int fallback) {
  return static_cast<int>(reader.integer_or(key, min, max, fallback));
}

std::string plain(JsonReader& reader, std::string_view key) {
  std::string text = reader.string(key);
  if (text.empty() || !is_plain_text(text)) reader.fail(key, shorten_json(text), "plain text");
  return text;
}

LabSpec read_laboratory(JsonReader reader) {
  LabSpec spec;
  TokenMixtureSpec& tokens = spec.tokens;
  tokens.domains = whole(reader, "domains", 1, 4096, tokens.domains);
  tokens.zipf_exponent = reader.number_or("zipf_exponent", 0, 10, tokens.zipf_exponent);
  tokens.spread = reader.number_or("spread", 0, 100, tokens.spread);
  tokens.common = reader.number_or("common", 0, 100, tokens.common);
  tokens.drift_radians_per_step = reader.number_or("drift_radians_per_step", 0, 1, tokens.drift_radians_per_step);
  spec.hidden = whole(reader, "hidden", 2, 4096, spec.hidden);
  spec.experts = whole(reader, "experts", 1, 4096, spec.experts);
  spec.top_k = whole(reader, "top_k", 1, spec.experts, std::min(spec.top_k, spec.experts));
  spec.expert_width = whole(reader, "expert_width", 1, 4096, spec.expert_width);
  spec.shared_experts = whole(reader, "shared_experts", 0, 64, spec.shared_experts);
  if (reader.has("scoring")) spec.scoring = static_cast<Scoring>(reader.choice("scoring", kScorings));
  spec.batch_tokens = whole(reader, "batch_tokens", 1, 1 << 20, spec.batch_tokens);
  spec.steps = whole(reader, "steps", 1, 1'000'000, spec.steps);
  spec.report_every = whole(reader, "report_every", 1, spec.steps, std::min(spec.report_every, spec.steps));
  spec.gate_learning_rate = reader.number_or("gate_learning_rate", 0, 100, spec.gate_learning_rate);
  spec.expert_learning_rate = reader.number_or("expert_learning_rate", 0, 100, spec.expert_learning_rate);
  spec.gate_deviation = reader.number_or("gate_deviation", 0, 100, spec.gate_deviation);
  reader.finish();
  return spec;
}

BalanceSpec read_balance(JsonReader reader) {
  BalanceSpec balance;
  balance.name = plain(reader, "name");
  if (reader.has("exploration")) {
    balance.exploration = static_cast<Exploration>(reader.choice("exploration", kExplorations));
  }
  // Noise without a scale, and a scale without noise, would both be read and do nothing.
  if (balance.exploration != Exploration::none) balance.noise_scale = reader.number("noise_scale", 1e-9, 100);
  balance.auxiliary_loss = reader.number_or("auxiliary_loss", 0, 100, 0);
  balance.z_loss = reader.number_or("z_loss", 0, 100, 0);
  balance.bias_step = reader.number_or("bias_step", 0, 1, 0);
  reader.finish();
  return balance;
}

std::vector<BalanceSpec> read_balances(JsonReader& reader) {
  std::vector<BalanceSpec> balances;
  std::set<std::string> names;
  for (const JsonReader& each : reader.objects("balances")) {
    balances.push_back(read_balance(each));
    if (!names.insert(balances.back().name).second) {
      each.fail("name", shorten_json(balances.back().name), "each name once");
    }
  }
  if (balances.empty() || balances.size() > 8) {
    reader.fail("balances", fmt::format("{} entries", balances.size()), "1 to 8, columns of a figure");
  }
  return balances;
}

std::vector<int> read_whole_numbers(JsonReader& reader, std::string_view key, int max) {
  std::vector<int> result;
  for (const double value : reader.numbers(key, 1, max)) {
    if (value != static_cast<int>(value)) reader.fail(key, fmt::format("{}", value), "whole numbers");
    if (!result.empty() && value <= result.back()) reader.fail(key, fmt::format("{}", value), "rising numbers");
    result.push_back(static_cast<int>(value));
  }
  if (result.empty()) reader.fail(key, "an empty array", "at least one number");
  return result;
}

// The scenario of a file beside the laboratory's, resolved.
json read_scenario(const JsonReader& reader, std::string_view key, const std::string& path, LabFile& file) {
  const std::string found = beside(file.path, path);
  const Scenario scenario = load_scenario(found);
  if (!std::holds_alternative<MoeLayerWorkload>(scenario.workload)) {
    reader.fail(key, fmt::format("a scenario of {}", workload_kind(scenario.workload)), "one of moe_layer");
  }
  for (const std::string& input : scenario.input_files) file.input_files.push_back(input);
  return resolved_json(scenario);
}

LabGranularity read_granularity(JsonReader& reader, LabFile& file) {
  LabGranularity result;
  for (const std::string& path : reader.strings("scenarios")) {
    result.scenarios.push_back(read_scenario(reader, "scenarios", path, file));
  }
  if (result.scenarios.empty()) reader.fail("scenarios", "an empty array", "paths of scenarios");
  result.cuts = read_whole_numbers(reader, "cuts", 64);
  result.laboratory = read_laboratory(reader.object("laboratory"));
  result.balance = read_balance(reader.object("balance"));
  for (const int cut : result.cuts) {
    if (result.laboratory.expert_width % cut == 0) continue;
    reader.fail("cuts", fmt::format("{}", cut),
                fmt::format("divisors of /laboratory/expert_width, {}", result.laboratory.expert_width));
  }
  result.law = read_named_law(reader.string("law"), file.path, reader.pointer() + "/law");
  result.training_tokens = reader.number("training_tokens", 1, 1e18);
  return result;
}

LabNodeLimit read_node_limit(JsonReader& reader, LabFile& file) {
  LabNodeLimit result;
  result.scenario = read_scenario(reader, "scenario", reader.string("scenario"), file);
  if (result.scenario["routing"]["kind"] != "node_limited") {
    reader.fail("scenario", "a router of the kind " + shorten_json(result.scenario["routing"]["kind"]),
                "one that is node_limited");
  }
  result.limits = read_whole_numbers(reader, "limits", 4096);
  return result;
}

}  // namespace

LabFile load_lab_file(const std::string& path) {
  LabFile file;
  file.path = path;
  file.input_files = {path};
  const std::string text = read_text_file(path);
  const std::string where = place_name(path);
  const json value = parse_json(text, where);
  JsonReader reader(value, where);
  file.echo = nlohmann::ordered_json::parse(text);
  if (reader.has("$schema")) reader.string("$schema");
  reader.integer("schema", 1, 1);
  file.name = plain(reader, "name");
  const std::size_t kind = reader.choice("kind", kKinds);
  if (kind == 2) {
    file.experiment = read_node_limit(reader, file);
  } else {
    const auto seed = static_cast<std::uint64_t>(reader.integer_or("seed", 0, INT64_MAX, 1));
    if (kind == 0) {
      LabDynamics dynamics{read_laboratory(reader.object("laboratory")), read_balances(reader)};
      dynamics.laboratory.seed = seed;
      file.experiment = std::move(dynamics);
    } else {
      LabGranularity granularity = read_granularity(reader, file);
      granularity.laboratory.seed = seed;
      file.experiment = std::move(granularity);
    }
  }
  reader.finish();
  return file;
}

}  // namespace moesim
