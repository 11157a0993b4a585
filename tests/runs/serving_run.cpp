// The workloads prefill and decode.
#include <cmath>

#include <fmt/format.h>

#include "models/architecture/model_costs.hpp"
#include "sim/trace.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::string scenario(const std::string& model, const std::string& workload, int nodes, const std::string& more = "") {
  return fmt::format(R"({{"schema": 1, "model": "{}", "cluster": {{"card": "h100-ib", "nodes": {}}},
     "workload": {{{}}}{}}})",
                     model, nodes, workload, more);
}

std::string decode(int batch, const std::string& more = "") {
  return fmt::format(R"("kind": "decode", "batch_per_rank": {}, "context": 2048{})", batch, more);
}

const std::string kLow =
    R"(, "dispatch": {"algorithm": "low_latency", "dispatch_dtype": "fp8"}, "compute": {"dtype": "fp8"})";
const std::string kNormal =
    R"(, "dispatch": {"algorithm": "two_hop", "dispatch_dtype": "fp8"}, "compute": {"dtype": "fp8"})";
const std::string kTwo = R"(, "overlap": "two_micro_batch")";

void check_tiles(const RunResult& result) {
  Picoseconds sum;
  for (const auto& [phase, time] : result.breakdown) sum += time;
  CHECK(sum == result.time);
}

TEST_CASE("a dense model on its own ranks takes the sum of its kernels", "[oracle][runs]") {
  for (const std::string& workload :
       {decode(8), std::string(R"("kind": "prefill", "sequences_per_rank": 2, "input_length": 1024)")}) {
    const RunResult result = run_text(scenario("llama-2-7b", workload, 1));
    check_tiles(result);
    CHECK(result.serving->computing == result.time);
    CHECK(result.serving->one_by_one == result.time);
    CHECK(result.exposed_communication == Picoseconds::zero());
    CHECK(*result.mfu < 1);
    // Weights are read once, at best at the full bandwidth.
    const double read_s = 6.6e9 * 2 / result.scenario.gpu.hbm_bandwidth.bytes_per_s();
    CHECK(result.time.seconds() > read_s);
  }
}

TEST_CASE("a layer more costs what a layer costs", "[oracle][runs]") {
  const auto time = [&](int layers) {
    return run_text(fmt::format(R"({{"schema": 1, "model": {{"card": "llama-2-7b", "published": {{}},
       "layers": [{{"count": {}, "modules": ["attention", "dense"]}}]}}, "cluster": {{"card": "h100-ib", "nodes": 1}},
       "workload": {{{}}}}})",
                                layers, decode(16)))
        .time.count;
  };
  const std::int64_t one = time(2) - time(1);
  CHECK(one > 0);
  CHECK(time(5) - time(1) == 4 * one);
}

TEST_CASE("rates are batches over times", "[oracle][runs]") {
  const RunResult result = run_text(scenario("llama-2-70b", decode(32), 2, R"(, "parallelism": {"tp": 8})"));
  CHECK(result.serving->tpot == result.time);
  CHECK(*result.tokens == 64);
  CHECK(*result.tokens_per_s() == Approx(64 / result.time.seconds()));
  CHECK(*result.tokens_per_s_per_gpu() == Approx(64 / result.time.seconds() / 16));
  check_tiles(result);
  CHECK(*result.exposed_communication > Picoseconds::zero());
}

TEST_CASE("drafts: tokens gained are a geometric sum", "[oracle][runs]") {
  const auto run = [&](const std::string& more) {
    return run_text(scenario("deepseek-v3", decode(16, more), 4, kLow));
  };
  const RunResult plain = run("");
  const RunResult two = run(R"(, "speculative_tokens": 2, "acceptance": 0.5)");
  CHECK(two.serving->tokens_gained == Approx(1.75));
  CHECK(two.serving->tpot->seconds() == Approx(two.time.seconds() / 1.75));
  CHECK(two.serving->draft > Picoseconds::zero());
  CHECK(two.time > plain.time);
  CHECK(two.memory->weights > plain.memory->weights);
  const RunResult never = run(R"(, "speculative_tokens": 2, "acceptance": 0)");
  CHECK(never.serving->tokens_gained == 1);
  CHECK(*never.tokens_per_s() < *plain.tokens_per_s());
  check_tiles(two);
}

TEST_CASE("the cache has the published bytes a token, cut where heads are", "[oracle][runs]") {
  const auto bytes = [](const std::string& model, const std::string& more, const std::string& layout) {
    return run_text(scenario(model, decode(2, more), 1, layout)).serving->kv_bytes_per_token;
  };
  CHECK(bytes("qwen2.5-72b", "", "") == 327'680);
  CHECK(bytes("qwen2.5-72b", R"(, "kv_dtype": "fp8")", "") == 163'840);
  CHECK(bytes("qwen2.5-72b", "", R"(, "parallelism": {"tp": 8})") == 327'680.0 / 8);
  // A latent has no heads: every tensor-parallel rank keeps it whole.
  CHECK(bytes("deepseek-v3", "", R"(, "parallelism": {"tp": 8, "ep": 8})") == 70'272);
  const RunResult result = run_text(scenario("qwen2.5-72b", decode(2), 1));
  CHECK(result.memory->kv_cache->count == 2 * 2049 * 327'680LL);
}

TEST_CASE("an overlap is no slower than its steps one by one, and no faster than either lane", "[property][runs]") {
  for (const int batch : {2, 32, 256}) {
    const RunResult both = run_text(scenario("deepseek-v3", decode(batch, kTwo), 4, kLow));
    CHECK(both.time <= both.serving->one_by_one);
    CHECK(both.time >= both.serving->computing);
    CHECK(both.time >= both.serving->exchanging);
    check_tiles(both);
  }
  const std::string prompts = R"("kind": "prefill", "tokens_per_rank": 8192, "input_length": 2048)";
  const RunResult plain = run_text(scenario("deepseek-v3", prompts, 4, kNormal));
  const RunResult both = run_text(scenario("deepseek-v3", prompts + kTwo, 4, kNormal));
  CHECK(both.time < plain.time);
  CHECK(*both.exposed_communication < *plain.exposed_communication);
  // The exchange's multiprocessors are missed by every kernel.
  CHECK(both.serving->computing > plain.serving->computing);
}

TEST_CASE("chunks: later ones see the keys of earlier ones, and prompts end one after another", "[runs]") {
  const auto run = [&](const std::string& more) {
    return run_text(scenario("llama-2-70b",
                             R"("kind": "prefill", "sequences_per_rank": 4, "input_length": 4096)" + more, 1,
                             R"(, "parallelism": {"tp": 8})"));
  };
  const RunResult whole = run("");
  const RunResult by_prompt = run(R"(, "chunk": 4096)");
  const RunResult halves = run(R"(, "chunk": 2048)");
  CHECK(whole.serving->passes == 1);
  CHECK(by_prompt.serving->passes == 4);
  CHECK(halves.serving->passes == 8);
  CHECK(whole.serving->ttft_mean == whole.time);
  // Equal passes: a prompt waits for (1 + 2 + 3 + 4) / 4 of them on the mean.
  CHECK(by_prompt.serving->ttft_mean->seconds() == Approx(2.5 / 4 * by_prompt.time.seconds()));
  CHECK(halves.time > by_prompt.time);
  CHECK(halves.memory->activations < whole.memory->activations);
  const RunResult cached = run(R"(, "cached_length": 3072)");
  CHECK(cached.time < whole.time);
  CHECK(*cached.tokens == *whole.tokens / 4);
  CHECK(cached.memory->kv_cache == whole.memory->kv_cache);
}

TEST_CASE("experts that replicas alone spread evenly: 256 and 32 on 72 ranks", "[runs]") {
  const std::string more = R"(, "parallelism": {"ep": 72}, "placement": {"kind": "eplb", "redundant_experts": 32})";
  const RunResult result = run_text(scenario("deepseek-v3", decode(8), 9, more + kLow));
  // All copies of 8 tokens of 72 ranks, but for those that stay.
  CHECK(result.dispatch->copies <= 8 * 8 * 72);
  CHECK(result.dispatch->copies > 8 * 8 * 72 * 9 / 10);
  CHECK(result.dispatch->elements_closed_form == Approx(8 * 8 * 71 * 7168.0));
  check_tiles(result);
  const RunResult fewer = run_text(scenario("deepseek-v3", decode(8), 4, kLow));
  CHECK(result.memory->weights < fewer.memory->weights);
}

TEST_CASE("no exchange is faster than its copies at the port's rate", "[oracle][runs]") {
  // arXiv:2505.09343, 2.3.2: 32 tokens a device on an NVLink domain of 900 GB/s, fp8 out and bf16 back. There a token
  // has nine paths of 7,000 elements: 6.72 us for both exchanges, 0.82 ms for two micro-batches through 61 layers.
  CHECK(32 * 9 * 7000 * 3 / 900e9 == Approx(6.72e-6));
  CHECK(2 * 61 * 6.72e-6 == Approx(0.82e-3).epsilon(0.001));
  const RunResult result = run_text(R"({"schema": 1, "model": "deepseek-v3",
    "cluster": {"card": "gb200-nvl72", "nodes": 1, "ranks_per_node": 64, "nics_per_node": 64},
    "workload": {"kind": "decode", "batch_per_rank": 64, "context": 4096, "overlap": "two_micro_batch"},
    "dispatch": {"library": "none", "dispatch_dtype": "fp8"}, "compute": {"dtype": "fp8"}})");
  // Here eight of 7,168, with fp8's scales, of which 1 in 64 stays; 58 layers; the fullest rank takes what it takes.
  const double bound = 2 * 58 * 32 * 8 * 63.0 / 64 * 7168 * (1 + 4.0 / 128 + 2) / 900e9;
  CHECK(result.serving->exchanging.seconds() > bound);
  CHECK(result.serving->exchanging.seconds() < 2 * bound);
}

TEST_CASE("batches: a row each, the same as alone, beside the dense model's", "[runs]") {
  const std::string many = R"(, "batches": [4, 64], "against": "llama-2-7b")";
  const RunResult result = run_text(scenario("mixtral-8x7b", decode(4, many), 1));
  REQUIRE(result.serving->batches.size() == 2);
  CHECK(result.serving->batches[0].time == result.time);
  CHECK(result.serving->batches[1].time == run_text(scenario("mixtral-8x7b", decode(64), 1)).time);
  CHECK(result.serving->batches[1].against == run_text(scenario("llama-2-7b", decode(64), 1)).time);
  CHECK(result.serving->batches[1].tokens_per_s_per_gpu > result.serving->batches[0].tokens_per_s_per_gpu);
}

TEST_CASE("the largest batch fits, one more does not", "[oracle][runs]") {
  const RunResult result = run_text(scenario("llama-2-7b", decode(8), 1));
  const auto most = static_cast<int>(result.serving->largest_batch);
  CHECK(run_text(scenario("llama-2-7b", decode(most), 1)).memory->fits());
  CHECK_FALSE(run_text(scenario("llama-2-7b", decode(most + 1), 1)).memory->fits());
}

TEST_CASE("a step twice is the same to the byte, with or without a trace", "[runs]") {
  const std::string text = scenario("mixtral-8x7b", decode(16, kTwo), 1);
  const Scenario parsed = parse_scenario(nlohmann::json::parse(text), "test");
  Trace trace;
  const RunResult traced = run_scenario(parsed, {.trace = &trace});
  const RunResult plain = run_scenario(parsed);
  CHECK(traced.time == plain.time);
  CHECK(traced.breakdown == plain.breakdown);
  CHECK(trace.slices().size() > 32 * 8);
  const Scenario echoed = parse_scenario(nlohmann::json(resolved_json(parsed)), "test");
  CHECK(run_scenario(echoed).time == plain.time);
}

TEST_CASE("what cannot be served is refused with what could", "[runs]") {
  const auto refused = [&](const std::string& model, const std::string& workload, const std::string& more,
                           const std::string& what) {
    CHECK_THROWS_WITH(run_text(scenario(model, workload, 2, more)), ContainsSubstring(what));
  };
  const std::string prompts = R"("kind": "prefill", "input_length": 100)";
  refused("mixtral-8x7b", prompts, "", "one of the keys sequences_per_rank, tokens_per_rank");
  refused("mixtral-8x7b", prompts + R"(, "tokens_per_rank": 8, "sequences_per_rank": 1)", "", "both of them");
  refused("mixtral-8x7b", prompts + R"(, "tokens_per_rank": 8, "cached_length": 100)", "", "from 0 to 99");
  refused("mixtral-8x7b", prompts + R"(, "tokens_per_rank": 7)" + kTwo, "", "an even number");
  refused("mixtral-8x7b", prompts + R"(, "tokens_per_rank": 5000, "chunk": 1)", "", "at most 1000 passes");
  refused("mixtral-8x7b", decode(3, kTwo), "", "an even number");
  refused("mixtral-8x7b", decode(2, R"(, "acceptance": 0.5)"), "", "only with speculative_tokens");
  refused("mixtral-8x7b", decode(2, R"(, "speculative_tokens": 1, "acceptance": 0.5)"), "", "multi-token prediction");
  refused("mixtral-8x7b", decode(2, R"(, "against": "llama-2-7b")"), "", "batches");
  refused("mixtral-8x7b", decode(2, R"(, "batches": [2], "against": "mixtral-8x7b")"), "", "a dense model");
  refused("mixtral-8x7b", decode(2, R"(, "batches": [0])"), "", "integers from 1");
  refused("mixtral-8x7b", decode(2), R"(, "parallelism": {"tp": 3})", "the cluster's 16 ranks");
  refused("mixtral-8x7b", decode(2), R"(, "parallelism": {"ep": 16})", "redundant experts");
  refused("mixtral-8x7b", decode(2), R"(, "parallelism": {"pp": 2})", "pp");
  refused("llama-2-7b", decode(2), R"(, "parallelism": {"ep": 2})", "dense model");
  refused("llama-2-7b", decode(2), R"(, "routing": {})", "no use for");
}

}  // namespace
}  // namespace moesim
