#include "scenarios/lab/lab_run.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scenarios/error.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/run.hpp"
#include "scenarios/scenario_json.hpp"
#include "sim/check.hpp"

namespace moesim {

using nlohmann::json;

namespace {

std::vector<LabRow> laboratory_rows(const LabFile& file, const LabSpec& spec, const BalanceSpec& balance) {
  try {
    return run_lab(spec, balance);
  } catch (const LabDiverged& diverged) {
    throw InputError(file.path, "/laboratory",
                     fmt::format("learning rates under which \"{}\" diverges by step {}", balance.name, diverged.step),
                     "smaller ones");
  }
}

// The scenario with experts `cut` times finer, at the same FLOPs.
Scenario cut_scenario(const LabFile& file, json scenario, int cut) {
  const std::string where = file.path + ", cut " + std::to_string(cut);
  const Scenario whole = parse_scenario(scenario, where);
  const MoeFfn& moe = *whole.model->moe;
  if (moe.expert_width % cut != 0) {
    throw InputError(file.path, "/cuts", fmt::format("{}", cut),
                     fmt::format("divisors of the expert width of {}, {}", whole.name, moe.expert_width));
  }
  json& model = scenario["model"];
  if (model.is_string()) model = {{"card", model}};
  model.merge_patch({{"moe",
                      {{"experts", std::int64_t{moe.routing.num_experts} * cut},
                       {"top_k", moe.routing.top_k * cut},
                       {"width", moe.expert_width / cut}}}});
  scenario["routing"]["top_k"] = whole.routing->top_k * cut;
  return parse_scenario(scenario, where);
}

double expert_gemm_efficiency(const RunResult& run) {
  const Scenario& scenario = run.scenario;
  const MoeFfn& moe = *scenario.model->moe;
  Picoseconds time;
  for (const KernelResult& kernel : run.kernels->kernels) {
    if (kernel.name == "up" || kernel.name == "down") time += kernel.time;
  }
  const double copies = static_cast<double>(*run.tokens) * scenario.routing->top_k / scenario.parallelism.ep *
                        (1 - run.load->dropped_fraction) * run.load->rank_max_over_mean;
  const double width = static_cast<double>(moe.latent_size.value_or(scenario.model->hidden_size));
  const double flops = copies * 2 * moe.matrices * width * static_cast<double>(moe.expert_width);
  return flops / (device(scenario.gpu).peak_flops(scenario.compute.dtype).flop_per_s() * time.seconds());
}

}  // namespace

double log10_combinations(std::int64_t n, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 1; i <= k; ++i) sum += std::log10(static_cast<double>(n - k + i) / static_cast<double>(i));
  return sum;
}

std::pair<double, double> bytes_on_the_wire(const RunResult& run) {
  std::pair<double, double> bytes{0, 0};
  for (const auto& traffic : {run.dispatch, run.combine}) {
    bytes.first += static_cast<double>(traffic->bytes_scale_up.count);
    bytes.second += static_cast<double>(traffic->bytes_scale_out.count);
  }
  return bytes;
}

std::vector<DynamicsColumn> run_dynamics(const LabFile& file, const LabDynamics& experiment) {
  std::vector<DynamicsColumn> columns;
  for (const BalanceSpec& balance : experiment.balances) {
    columns.push_back({balance, laboratory_rows(file, experiment.laboratory, balance)});
  }
  return columns;
}

std::vector<std::vector<GranularityRow>> run_granularity(const LabFile& file, const LabGranularity& experiment) {
  std::vector<LabRow> fits;
  for (const int cut : experiment.cuts) {
    LabSpec spec = experiment.laboratory;
    spec.experts *= cut;
    spec.top_k *= cut;
    spec.expert_width /= cut;
    fits.push_back(laboratory_rows(file, spec, experiment.balance).back());
  }
  std::vector<std::vector<GranularityRow>> tables;
  for (const json& scenario : experiment.scenarios) {
    std::vector<GranularityRow>& rows = tables.emplace_back();
    for (std::size_t i = 0; i < fits.size(); ++i) {
      GranularityRow row;
      row.cut = experiment.cuts[i];
      row.fit = fits[i];
      row.run = run_scenario(cut_scenario(file, scenario, row.cut));
      const ModelCard& model = *row.run.scenario.model;
      row.experts = model.moe->routing.num_experts;
      row.top_k = row.run.scenario.routing->top_k;
      row.width = model.moe->expert_width;
      row.log10_combinations = log10_combinations(row.experts, row.top_k);
      row.expert_gemm_efficiency = expert_gemm_efficiency(row.run);
      row.law_input = law_input(model, experiment.training_tokens);
      row.loss = predicted_loss(experiment.law, row.law_input);
      row.outside_fit = outside_fit(experiment.law, row.law_input);
      rows.push_back(std::move(row));
    }
  }
  return tables;
}

std::vector<NodeLimitRow> run_node_limit(const LabFile& file, const LabNodeLimit& experiment) {
  std::vector<NodeLimitRow> rows;
  // Retained mass is of scores that the router computes, token by token.
  json scenario = experiment.scenario;
  scenario["routing"]["path"] = "logits";
  for (const int limit : experiment.limits) {
    scenario["routing"]["groups_kept"] = limit;
    rows.push_back({limit, run_scenario(parse_scenario(scenario, fmt::format("{}, limit {}", file.path, limit)))});
  }
  scenario["routing"]["kind"] = "top_k";
  for (const char* key : {"groups_kept", "group_score"}) scenario["routing"].erase(key);
  rows.push_back({0, run_scenario(parse_scenario(scenario, file.path + ", free"))});
  return rows;
}

LabReport run_lab_file(const LabFile& file, const ReportStyle& style) {
  if (const auto* dynamics = std::get_if<LabDynamics>(&file.experiment)) {
    return dynamics_report(file, run_dynamics(file, *dynamics), style);
  }
  if (const auto* granularity = std::get_if<LabGranularity>(&file.experiment)) {
    return granularity_report(file, *granularity, run_granularity(file, *granularity), style);
  }
  return node_limit_report(file, run_node_limit(file, std::get<LabNodeLimit>(file.experiment)), style);
}

}  // namespace moesim
