#include <filesystem>

#include "sim/trace.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::vector<std::string> shipped() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(MOESIM_SCENARIOS)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST_CASE("every shipped scenario runs, fits its own description, and can be run from its own result", "[runs]") {
  const std::vector<std::string> paths = shipped();
  REQUIRE(paths.size() >= 12);
  for (const std::string& path : paths) {
    CAPTURE(path);
    const Scenario scenario = load_scenario(path);
    const RunResult result = run_scenario(scenario);
    CHECK(result.time > Picoseconds::zero());
    Picoseconds sum;
    for (const auto& [phase, time] : result.breakdown) sum += time;
    CHECK(sum == result.time);
    if (!result.training && !result.serving) CHECK_FALSE(result.links.empty());
    const Scenario echoed = parse_scenario(nlohmann::json(resolved_json(scenario)), path);
    CHECK(resolved_json(echoed) == resolved_json(scenario));
    if (result.events > 20'000) continue;  // The small ones will do to see that the echo also runs the same.
    const RunResult again = run_scenario(echoed);
    CHECK(again.time == result.time);
    CHECK(again.events == result.events);
  }
}

TEST_CASE("a run's timeline is whole: a trace changes no number", "[runs]") {
  const Scenario scenario = load_scenario(std::string(MOESIM_SCENARIOS) + "/deepseek-v3-ep64.json");
  Trace trace;
  const RunResult traced = run_scenario(scenario, {.trace = &trace});
  CHECK(traced.time == run_scenario(scenario).time);
  CHECK(trace.processes().size() == 9);  // Eight nodes and the fabric.
  CHECK(trace.slices().size() > 64 * 5);
  CHECK(trace.arrows().size() >= 64);
}

}  // namespace
}  // namespace moesim
