#include "scenarios/lab/lab_run.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "scenarios/error.hpp"
#include "scenarios/run.hpp"
#include "scenarios/scenario_json.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/temporary_folder.hpp"

namespace moesim {
namespace {

using nlohmann::json;

const std::string kLab = std::string(MOESIM_SCENARIOS) + "/lab/";

json small_dynamics() {
  return {{"schema", 1},
          {"name", "small <&>"},
          {"kind", "dynamics"},
          {"laboratory", {{"experts", 8}, {"batch_tokens", 64}, {"steps", 20}, {"report_every", 10}}},
          {"balances", {{{"name", "none"}}, {{"name", "bias"}, {"bias_step", 0.001}}}},
          {"seed", 3}};
}

LabFile load(const TemporaryFolder& folder, const json& value) {
  return load_lab_file(folder.write("lab.json", value.dump()));
}

std::string refusal(const TemporaryFolder& folder, const json& value) {
  try {
    run_lab_file(load(folder, value), {});
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_CASE("every shipped file of the laboratory is read, and the scenarios beside them run", "[runs][lab]") {
  int laboratories = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kLab)) {
    if (entry.path().extension() != ".json") continue;
    CAPTURE(entry.path().string());
    if (entry.path().filename() == "deepseekmoe-16b-coarse.json") {
      CHECK(run_scenario(load_scenario(entry.path().string())).time > Picoseconds::zero());
      continue;
    }
    CHECK_FALSE(load_lab_file(entry.path().string()).name.empty());
    ++laboratories;
  }
  CHECK(laboratories == 3);
}

TEST_CASE("the collapse that is shipped collapses, and its cures cure it", "[runs][lab]") {
  const LabFile file = load_lab_file(kLab + "collapse.json");
  const auto columns = run_dynamics(file, std::get<LabDynamics>(file.experiment));
  REQUIRE(columns.size() == 6);
  CHECK(columns[0].balance.name == "none");
  CHECK(columns[0].rows.back().max_over_mean > 4);
  for (const DynamicsColumn& column : columns) {
    if (column.balance.name == "auxiliary" || column.balance.name == "bias") {
      CHECK(column.rows.back().max_over_mean < 1.3);
    }
  }
}

TEST_CASE("a laboratory's report has every step of every balance, and a page that stands alone", "[runs][lab]") {
  const TemporaryFolder folder;
  const LabFile file = load(folder, small_dynamics());
  const LabReport report = run_lab_file(file, {});
  REQUIRE(report.json["dynamics"].size() == 2);
  CHECK(report.json["dynamics"][1]["rows"][1]["step"] == 20);
  CHECK(report.json["lab"] == small_dynamics());
  CHECK(count_of(report.page, "<polyline") == 2 * 5);
  CHECK(report.page.find("small &lt;&amp;&gt;") != std::string::npos);
  for (const std::string foreign : {"http", "src=", "href="}) CHECK(count_of(report.page, foreign) == 0);
  CHECK(run_lab_file(file, {}).json == report.json);
  CHECK(run_lab_file(file, {}).page == report.page);
}

TEST_CASE("a laboratory's file is refused where it is wrong", "[runs][lab]") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& pointer, const json& value) {
    json bad = small_dynamics();
    bad[json::json_pointer(pointer)] = value;
    return refusal(folder, bad);
  };
  CHECK(refusal(folder, small_dynamics()).empty());
  CHECK(refused("/laboratory/expert", 4).find("/laboratory/expert: ") != std::string::npos);
  CHECK(refused("/laboratory/top_k", 9).find("/laboratory/top_k: ") != std::string::npos);
  CHECK(refused("/balances/1/name", "none").find("each name once") != std::string::npos);
  CHECK(refused("/balances/0/noise_scale", 1).find("noise_scale") != std::string::npos);
  CHECK(refused("/kind", "granular").find("granularity") != std::string::npos);
  CHECK(refused("/seed", -1).find("/seed") != std::string::npos);
  json wild = small_dynamics();
  wild["laboratory"].update({{"common", 0}, {"spread", 100}, {"expert_learning_rate", 100}, {"scoring", "sigmoid"}});
  CHECK(refusal(folder, wild).find("\"none\" diverges by step") != std::string::npos);
}

TEST_CASE("combinations are binomial coefficients", "[oracle][lab]") {
  CHECK_THAT(log10_combinations(8, 2), WithinRel(std::log10(28.0), 1e-12));
  CHECK_THAT(log10_combinations(64, 8), WithinRel(std::log10(4426165368.0), 1e-12));
  CHECK_THAT(log10_combinations(5, 5), WithinAbs(0.0, 1e-12));
}

TEST_CASE("cut experts cost the same FLOPs and m times the copies", "[oracle][runs][lab]") {
  const TemporaryFolder folder;
  const json scenario = {{"schema", 1},
                         {"model", "mixtral-8x7b"},
                         {"cluster", "h100-node"},
                         {"workload", {{"kind", "moe_layer"}, {"tokens_per_rank", 256}, {"direction", "forward"}}},
                         {"parallelism", {{"ep", 8}}},
                         {"dispatch", {{"algorithm", "direct"}}}};
  folder.write("layer.json", scenario.dump());
  json granularity = small_dynamics();
  granularity["kind"] = "granularity";
  granularity.erase("balances");
  granularity["balance"] = {{"name", "bias"}, {"bias_step", 0.001}};
  granularity["scenarios"] = {"layer.json"};
  granularity["cuts"] = {1, 2, 8};
  granularity["law"] = "krajewski-2024";
  granularity["training_tokens"] = 1e11;
  const LabFile file = load(folder, granularity);
  const auto rows = run_granularity(file, std::get<LabGranularity>(file.experiment)).at(0);
  REQUIRE(rows.size() == 3);
  // Cut 1 is the scenario itself.
  CHECK(rows[0].run.time == run_scenario(load_scenario(folder / "layer.json")).time);
  const auto flops = [](const GranularityRow& row) { return *row.run.mfu * row.run.time.seconds(); };
  const double gate = 2.0 * 4096 * 8;  // FLOPs of a token, which grow with the experts.
  const double experts = 2.0 * 2 * 3 * 4096 * 14336;
  for (const GranularityRow& row : rows) {
    CAPTURE(row.cut);
    CHECK(row.experts == 8 * row.cut);
    CHECK(row.top_k == 2 * row.cut);
    CHECK(row.width == 14336 / row.cut);
    // Useful FLOPs are those of the experts and at most the gate's.
    CHECK_THAT(flops(row) / flops(rows[0]), WithinRel(1.0, gate * row.cut / experts));
    // T k (1 - 1/P) copies leave their rank, of 2,048 tokens; k m of 8 m experts, one in eight stays. Four deviations.
    const double expected = 2048.0 * 2 * row.cut * 7 / 8;
    CHECK_THAT(static_cast<double>(row.run.dispatch->copies), WithinAbs(expected, 4 * std::sqrt(expected / 8)));
    CHECK(row.law_input.granularity == 2 * row.cut);
    CHECK(row.law_input.expansion == 4);
    CHECK_FALSE(row.outside_fit.empty());  // The expansion alone is outside.
    CHECK(row.expert_gemm_efficiency > 0.05);
    CHECK(row.expert_gemm_efficiency < 1);
  }
  CHECK(rows[2].loss < rows[0].loss);
  CHECK(count_of(run_lab_file(file, {}).text, "expansion 4, fitted at 64 alone") == 1);
  granularity["cuts"] = {1, 3};
  CHECK(refusal(folder, granularity).find("/cuts") != std::string::npos);
}

TEST_CASE("a tighter limit sends less and keeps less gate mass; a limit of all nodes is none", "[runs][lab]") {
  const TemporaryFolder folder;
  json scenario = json::parse(resolved_text(load_scenario(std::string(MOESIM_SCENARIOS) + "/deepseek-v3-ep64.json")));
  scenario["workload"]["tokens_per_rank"] = 32;
  folder.write("layer.json", scenario.dump());
  const json limits = {
      {"schema", 1}, {"name", "nodes"}, {"kind", "node_limit"}, {"scenario", "layer.json"}, {"limits", {1, 2, 4, 8}}};
  const LabFile file = load(folder, limits);
  const auto rows = run_node_limit(file, std::get<LabNodeLimit>(file.experiment));
  REQUIRE(rows.size() == 5);
  for (std::size_t i = 1; i < 4; ++i) {
    CHECK(bytes_on_the_wire(rows[i - 1].run).second < bytes_on_the_wire(rows[i].run).second);
    CHECK(rows[i - 1].run.load->retained_gate_mass < rows[i].run.load->retained_gate_mass);
  }
  CHECK(bytes_on_the_wire(rows[3].run) == bytes_on_the_wire(rows[4].run));
  CHECK(rows[3].run.time == rows[4].run.time);
  CHECK(rows[4].run.load->retained_gate_mass == 1);
  CHECK(rows[4].run.scenario.routing_path == RoutingPath::logits);
  // At most one copy of a token a node: with M = 1 each token crosses once, if its node is not its own.
  CHECK(rows[0].run.dispatch->copies <= 64 * 32);
  const LabReport report = run_lab_file(file, {});
  CHECK(report.json["node_limit"].back()["limit"].is_null());
  CHECK(count_of(report.page, "<polyline") == 2 * 3);
}

}  // namespace
}  // namespace moesim
