// The distribution of a layer's time over steps and layers.
#include "scenarios/layer_steps.hpp"

#include "scenarios/result_json.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::string layer(const std::string& workload, const std::string& skew, int seed = 1) {
  return R"({"schema": 1, "model": "mixtral-8x7b", "cluster": {"card": "h100-ib", "nodes": 1},
    "parallelism": {"ep": 4}, "workload": {"kind": "moe_layer", "tokens_per_rank": 300)" +
         workload + R"(}, "routing": {"skew": )" + skew + R"(}, "seed": )" + std::to_string(seed) + "}";
}

TEST_CASE("percentiles are of the nearest rank, the mean rounded up, stragglers counted", "[oracle]") {
  std::vector<Picoseconds> times;
  std::vector<int> ranks;
  for (int i = 0; i < 200; ++i) {
    times.push_back({(i * 73) % 200 + 1});  // 1 to 200, each once.
    ranks.push_back(i % 10 == 0 ? 7 : i % 2);
  }
  const StepResults steps = step_results(4, times, ranks);
  CHECK(steps.steps == 50);
  CHECK(steps.mean == Picoseconds{101});  // 100.5
  CHECK(steps.min == Picoseconds{1});
  CHECK(steps.p50 == Picoseconds{100});
  CHECK(steps.p99 == Picoseconds{198});
  CHECK(steps.max == Picoseconds{200});
  CHECK(times[static_cast<std::size_t>(steps.slowest_step * 4 + steps.slowest_layer)] == Picoseconds{200});
  // Of 200, 20 are rank 7's; of the even others 80, of the odd 100.
  CHECK(steps.stragglers == std::vector<std::pair<int, int>>{{1, 100}, {0, 80}, {7, 20}});
  const StepResults one = step_results(1, {Picoseconds{5}}, {3});
  CHECK(one.p99 == Picoseconds{5});
  CHECK(one.p50 == Picoseconds{5});
}

TEST_CASE("all but the distribution is of the first layer in the first step", "[property]") {
  const std::string skew = R"({"kind": "zipf", "exponent": 0.8, "step_drift": 0.3})";
  const RunResult alone = run_text(layer("", skew));
  const RunResult many = run_text(layer(R"(, "steps": 5, "layers": 3)", skew));
  CHECK_FALSE(alone.steps);
  REQUIRE(many.steps);
  CHECK(many.steps->times.size() == 15);
  CHECK(many.time == alone.time);
  CHECK(many.events == alone.events);
  CHECK(many.breakdown == alone.breakdown);
  CHECK(many.steps->times.front() == alone.time);
  CHECK(many.steps->min < many.steps->max);
  auto json = result_json(many);
  auto again = result_json(run_text(layer(R"(, "steps": 5, "layers": 3)", skew)));
  json.erase("wall_s");
  again.erase("wall_s");
  CHECK(json == again);
  // More steps keep the ones before them.
  const RunResult fewer = run_text(layer(R"(, "steps": 2, "layers": 3)", skew));
  for (std::size_t i = 0; i < 6; ++i) CHECK(fewer.steps->times[i] == many.steps->times[i]);
}

TEST_CASE("a hot rank straggles in every step, dealt-out tokens take the same time in every step", "[oracle]") {
  const RunResult hot = run_text(layer(R"(, "steps": 4)", R"({"kind": "hot_rank", "share": 0.6})"));
  CHECK(hot.steps->stragglers == std::vector<std::pair<int, int>>{{0, 4}});
  const RunResult even = run_text(layer(R"(, "steps": 4)", R"({"kind": "w0_balanced"})"));
  CHECK(even.steps->min == even.steps->max);
  CHECK(even.load->expert_max_over_mean == 1);
}

TEST_CASE("a hotspot that moves makes other ranks straggle, a burst is seen where it is", "[oracle]") {
  // H = 2 of 8 experts, those of one rank of four, for three steps each.
  const RunResult moving = run_text(layer(R"(, "steps": 12)", R"({"kind": "w6_rotating"})"));
  CHECK(moving.steps->stragglers == std::vector<std::pair<int, int>>{{0, 3}, {1, 3}, {2, 3}, {3, 3}});
  const RunResult burst = run_text(layer(R"(, "steps": 8)", R"({"kind": "w7_burst"})"));
  CHECK(burst.steps->slowest_step % 4 == 3);
  CHECK(burst.steps->p50 < burst.steps->max);
}

TEST_CASE("ragged sources take their tokens to the ranks that compute", "[oracle]") {
  const RunResult ragged = run_text(layer("", R"({"kind": "w4_ragged_sources"})"));
  CHECK(ragged.tokens == 1200);
  CHECK(ragged.time > run_text(layer("", R"({"kind": "uniform"})")).time);
}

}  // namespace
}  // namespace moesim
