// The workload training_step.
#include <fmt/format.h>

#include "models/architecture/parameters.hpp"
#include "sim/trace.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::string scenario(const std::string& model, const std::string& workload, const std::string& parallelism, int nodes,
                     const std::string& more = "") {
  return fmt::format(R"({{"schema": 1, "model": "{}", "cluster": {{"card": "h100-ib", "nodes": {}}},
     "workload": {{"kind": "training_step", {}}}, "parallelism": {}{}}})",
                     model, nodes, workload, parallelism, more);
}

const std::string kDense = R"("sequence_length": 2048, "global_batch": 32)";

TEST_CASE("every parameter of a model is on as many ranks as the layout says", "[oracle][runs]") {
  struct Case {
    std::string model;
    std::string layout;
    std::string schedule;
  };
  for (const Case& c :
       {Case{"llama-2-7b", R"({"pp": 4, "dp": 4})", R"(, "schedule": "1f1b")"},
        {"mixtral-8x7b", R"({"pp": 4, "ep": 4})", R"(, "schedule": "gpipe")"},
        {"mixtral-8x7b", R"({"pp": 2, "ep": 8})", R"(, "schedule": "interleaved", "chunks_per_rank": 4)"},
        {"mixtral-8x7b", R"({"pp": 4, "ep": 2})", R"(, "schedule": "dualpipe")"}}) {
    CAPTURE(c.model, c.layout, c.schedule);
    const RunResult result = run_text(scenario(c.model, R"("sequence_length": 2048, "global_batch": 64)" + c.schedule,
                                               c.layout, 2, R"(, "compute": {"optimizer_bytes_per_weight": 12})"));
    const ParallelSizes& sizes = result.scenario.parallelism;
    std::int64_t held = 0;
    for (const PipelineRankResult& stage : result.training->stages) held += stage.parameters;
    const ParameterCounts counts = count_parameters(*result.scenario.model);
    const std::int64_t copies = c.schedule.find("dualpipe") == std::string::npos ? 1 : 2;
    // A rank of each stage: all dense parameters, and of the experts one in ep.
    const std::int64_t dense = counts.total() - counts.routed_experts;
    CHECK(held == copies * (dense + counts.routed_experts / sizes.ep));
  }
}

TEST_CASE("without experts, cuts or a pipeline a step is its kernels", "[oracle][runs]") {
  const RunResult result =
      run_text(scenario("llama-2-7b", R"("sequence_length": 2048, "global_batch": 16)", R"({"dp": 8})", 1));
  Picoseconds sum;
  for (const auto& [phase, time] : result.breakdown) sum += time;
  CHECK(sum == result.time);
  CHECK(result.training->mean_bubble == Picoseconds::zero());
  CHECK(result.training->micro_batches == 2);
  const PipelineRankResult& only = result.training->stages.at(0);
  CHECK(only.busy == only.computing);
  CHECK(only.busy + only.update == result.time);
  // No faster than the peak allows.
  CHECK(*result.mfu < 1);
  CHECK(*result.mfu > 0.3);
}

TEST_CASE("1F1B's bubble is p - 1 forwards and backwards of the longest stage, or less", "[oracle][runs]") {
  for (const int batch : {32, 64, 128}) {
    const RunResult result =
        run_text(scenario("llama-2-70b", fmt::format(R"("sequence_length": 4096, "global_batch": {})", batch),
                          R"({"tp": 8, "pp": 4})", 8));
    const TrainingResult& training = *result.training;
    Picoseconds longest;
    for (const PipelineRankResult& stage : training.stages) longest = std::max(longest, stage.busy);
    const double one = longest.seconds() / training.micro_batches;
    const int ranks = result.scenario.parallelism.pp;
    CHECK(training.pipeline_time.seconds() >= longest.seconds());
    CHECK(training.pipeline_time.seconds() <= (training.micro_batches + ranks - 1) * one * 1.02);
  }
}

TEST_CASE("cuts, recomputation and schedules move time and memory the way they must", "[runs]") {
  const auto run = [&](const std::string& workload, const std::string& layout) {
    return run_text(scenario("llama-2-70b", R"("sequence_length": 4096, "global_batch": 64, )" + workload, layout, 8));
  };
  const std::string layout = R"({"tp": 4, "pp": 4})";
  const RunResult none = run(R"("recompute": "none")", layout);
  const RunResult selective = run(R"("recompute": "selective")", layout);
  const RunResult full = run(R"("recompute": "full")", layout);
  CHECK(none.time < selective.time);
  CHECK(selective.time < full.time);
  CHECK(none.memory->activations > selective.memory->activations);
  CHECK(selective.memory->activations > full.memory->activations);
  CHECK(none.mfu > full.mfu);

  const RunResult gpipe = run(R"("schedule": "gpipe")", layout);
  CHECK(gpipe.memory->activations > none.memory->activations);
  const RunResult interleaved = run(R"("schedule": "interleaved", "chunks_per_rank": 5)", layout);
  CHECK(interleaved.training->mean_bubble < none.training->mean_bubble);

  const RunResult unsharded = run(R"("zero": 0)", layout);
  CHECK(*unsharded.memory->optimizer > *none.memory->optimizer);
  const RunResult narrow = run(R"("zero": 1)", R"({"tp": 8, "pp": 4})");
  CHECK(narrow.memory->weights < none.memory->weights);
}

TEST_CASE("a DualPipe hides exchanges that 1F1B shows", "[runs]") {
  const std::string layout = R"({"pp": 4, "ep": 16})";
  const std::string more = R"(, "dispatch": {"algorithm": "two_hop"})";
  const auto run = [&](const std::string& schedule) {
    return run_text(scenario("mixtral-8x7b",
                             R"("sequence_length": 4096, "global_batch": 512, "schedule": ")" + schedule + "\"",
                             R"({"pp": 4, "ep": 8})", 4, more));
  };
  const RunResult plain = run("1f1b");
  const RunResult dual = run("dualpipe");
  CHECK(*dual.exposed_communication < *plain.exposed_communication);
  CHECK(dual.memory->weights > plain.memory->weights);
}

TEST_CASE("the same step twice is the same to the byte, with or without a trace", "[runs]") {
  const std::string text = scenario("mixtral-8x7b", kDense + R"(, "schedule": "1f1b")", R"({"pp": 2, "ep": 8})", 2);
  const Scenario parsed = parse_scenario(nlohmann::json::parse(text), "test");
  Trace trace;
  const RunResult traced = run_scenario(parsed, {.trace = &trace});
  const RunResult plain = run_scenario(parsed);
  CHECK(traced.time == plain.time);
  CHECK(traced.breakdown == plain.breakdown);
  CHECK(trace.slices().size() > 200);
  const Scenario echoed = parse_scenario(nlohmann::json(resolved_json(parsed)), "test");
  CHECK(run_scenario(echoed).time == plain.time);
}

TEST_CASE("a layout that is none is refused with what would be one", "[runs]") {
  const auto refused = [&](const std::string& workload, const std::string& layout, const std::string& what) {
    CHECK_THROWS_WITH(run_text(scenario("mixtral-8x7b", workload, layout, 2)), ContainsSubstring(what));
  };
  refused(kDense, R"({"pp": 3})", "the cluster's 16 ranks");
  refused(kDense, R"({"pp": 2, "ep": 3})", "a divisor of the model's 8 routed experts");
  refused(R"("sequence_length": 2048, "global_batch": 33)", R"({"pp": 2})", "a multiple of micro_batch * dp = 8");
  refused(R"("sequence_length": 2047, "global_batch": 32)", R"({"tp": 2})", "a multiple of tp * cp = 2");
  const std::string few = R"("sequence_length": 2048, "global_batch": 16, "schedule": "dualpipe")";
  refused(few, R"({"pp": 8, "ep": 2})", "dualpipe");
  refused(kDense + R"(, "chunks_per_rank": 2)", R"({"pp": 2})", "only with interleaved");
  CHECK_THROWS_WITH(run_text(scenario("llama-2-7b", kDense, R"({"ep": 2})", 1)), ContainsSubstring("dense model"));
}

}  // namespace
}  // namespace moesim
