// What the routing policies cost downstream: bytes, rows, FLOPs, memory, and what the report counts.
#include <algorithm>

#include <fmt/format.h>

#include "scenarios/layer_input.hpp"
#include "scenarios/result_json.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

// One node of eight H100; experts of 2 * 1024 * 512 weights.
std::string layer(int ep, int experts, int top_k, const std::string& routing, const std::string& more = "") {
  return fmt::format(R"({{"schema": 1, "model": {{"schema": 1, "name": "small", "title": "small", "hidden_size": 1024,
     "vocab_size": 1000, "mixers": {{"attention": {{"kind": "gqa", "heads": 8, "kv_heads": 8, "head_dim": 128}}}},
     "moe": {{"experts": {}, "top_k": {}, "width": 512, "matrices": 2, "shared_experts": 1, "shared_width": 256,
              "routing": {{"kind": "top_k", "scoring": "softmax"}}}},
     "layers": [{{"count": 1, "modules": ["attention", "moe"]}}]}},
     "cluster": "h100-node", "workload": {{"kind": "moe_layer", "tokens_per_rank": 256}},
     "parallelism": {{"ep": {}}}, "routing": {}{}}})",
                     experts, top_k, ep, routing, more);
}

double useful_flops_of(const RunResult& result) {
  const Scenario& scenario = result.scenario;
  const double peak = device(scenario.gpu).peak_flops(scenario.compute.dtype).flop_per_s();
  return *result.mfu * result.time.seconds() * scenario.parallelism.ep * peak;
}

constexpr double kGate = 2.0 * 1024 * 2;          // FLOPs of a token's scores of two experts,
constexpr double kShared = 2.0 * 2 * 1024 * 256;  // of the shared expert,
constexpr double kExpert = 2.0 * 2 * 1024 * 512;  // of one copy.

TEST_CASE("parts of tokens: as many bytes and FLOPs, smaller experts, more rows: the result by hand",
          "[oracle][runs]") {
  // Two ranks, two experts, both chosen by every part: 512 tokens have 2048 parts, each with one copy of 256 elements
  // that leaves.
  const RunResult whole = run_text(layer(2, 2, 2, "{}"));
  const RunResult cut = run_text(layer(2, 2, 2, R"({"sub_tokens": {"parts": 4, "projections": false}})"));
  for (const auto* traffic : {&*cut.dispatch, &*cut.combine}) {
    CHECK(traffic->copies == 2048);
    CHECK(traffic->elements_remote == 2048.0 * 256);
    CHECK(traffic->elements_closed_form == 2048.0 * 256);
    CHECK(traffic->bytes_scale_up == Bytes{2048 * 512});
  }
  CHECK(cut.dispatch->bytes_scale_up == whole.dispatch->bytes_scale_up);
  CHECK(*cut.tokens == 512);
  CHECK(cut.load->min_expert_tokens == 2048);
  // 2048 parts times two copies, each a quarter of a token's products; the gate reads a quarter four times.
  CHECK(useful_flops_of(cut) == Approx(512 * (kGate + kShared + 2 * kExpert)).epsilon(1e-9));
  CHECK(useful_flops_of(cut) == Approx(useful_flops_of(whole)).epsilon(1e-9));
  // One expert of 2 * 256 * 512 weights, the shared one, and a gate of 256 x 2; two bytes each.
  CHECK(cut.memory->weights == Bytes{2 * (2 * 256 * 512 + 2 * 1024 * 256 + 256 * 2)});
  CHECK(whole.memory->weights == Bytes{2 * (2 * 1024 * 512 + 2 * 1024 * 256 + 1024 * 2)});
  // The intermediate width does not shrink with the parts: four times the rows of it.
  CHECK(cut.memory->activations > whole.memory->activations);
  CHECK(cut.memory->buffers == whole.memory->buffers);

  const RunResult projected = run_text(layer(2, 2, 2, R"({"sub_tokens": {"parts": 4}})"));
  CHECK(useful_flops_of(projected) - useful_flops_of(cut) == Approx(512 * 2 * 2.0 * 1024 * 1024).epsilon(1e-6));
  CHECK(projected.memory->weights - cut.memory->weights == Bytes{2 * 2 * 1024 * 1024});
  CHECK(projected.time > cut.time);
}

TEST_CASE("half of the tokens skip the layer: half of everything but the scores that choose them", "[oracle][runs]") {
  const RunResult whole = run_text(layer(2, 2, 2, "{}"));
  const RunResult half = run_text(layer(2, 2, 2, R"({"mixture_of_depths": {"share": 0.5}})"));
  CHECK(*half.tokens == 512);
  CHECK(*half.load->skipped_fraction == 0.5);
  CHECK(half.load->dropped_fraction == 0);
  CHECK(half.dispatch->copies == 256);
  CHECK(half.dispatch->elements_closed_form == 256.0 * 1024);
  CHECK(2 * half.dispatch->bytes_scale_up == whole.dispatch->bytes_scale_up);
  CHECK(2 * half.memory->buffers == whole.memory->buffers);
  CHECK(half.load->max_expert_tokens == 256);
  // A score of every token; gate, shared expert and experts of every other one.
  CHECK(useful_flops_of(half) == Approx(512 * 2.0 * 1024 + 256 * (kGate + kShared + 2 * kExpert)).epsilon(1e-9));
  CHECK(half.memory->weights - whole.memory->weights == Bytes{2 * 1024});
  const nlohmann::ordered_json json = result_json(half);
  CHECK(json.at("load").at("skipped_fraction") == 0.5);
  const auto says_so = [](const RunResult& result) {
    return std::ranges::any_of(result.caveats, [](const Caveat& caveat) { return caveat.key == "depth_router"; });
  };
  CHECK(says_so(half));
  CHECK_FALSE(says_so(whole));
  CHECK_FALSE(json.at("load").contains("rerouted_fraction"));
  CHECK(json.at("kernels").at("kernels")[0].at("kernel") == "depth_router");
}

TEST_CASE("with thousands of tokens a rank, half of them take half of the time", "[property][runs]") {
  const auto time = [](const std::string& share) {
    return run_scenario(load_scenario(std::string(MOESIM_SCENARIOS) + "/mixture-of-depths.json",
                                      {.sets = {"/routing/mixture_of_depths/share=" + share}, .seed = {}}))
        .time.seconds();
  };
  const double ratio = time("0.5") / time("1");
  CHECK(ratio > 0.5);
  CHECK(ratio < 0.55);
}

TEST_CASE("static buffers have room for what is kept, part by part", "[oracle][runs]") {
  // Of 256 tokens a rank 64 are kept in four sequences of 64, 128 parts: floor(128 * 2 / 8) = 32 slots for each of
  // eight experts, each of 512 elements of two bytes.
  const RunResult result = run_text(layer(8, 8, 2, R"({"mixture_of_depths": {"share": 0.25}, "sequence_length": 64,
      "sub_tokens": {"parts": 2}, "capacity": {"factor": 1}})",
                                          R"(, "dispatch": {"algorithm": "direct", "padding": "capacity"})"));
  CHECK(result.dispatch->bytes_scale_up == Bytes{8 * 7 * 32 * 1024});
  CHECK(result.memory->buffers == Bytes{2 * 8 * 32 * 1024});
}

TEST_CASE("a backward pass does twice the FLOPs of parts, projections and depth scores", "[oracle][runs]") {
  const std::string routing = R"({"mixture_of_depths": {"share": 0.5}, "sub_tokens": {"parts": 4}})";
  const auto run = [&](const std::string& direction) {
    std::string text = layer(2, 2, 2, routing);
    const std::string forward = R"("tokens_per_rank": 256)";
    text.replace(text.find(forward), forward.size(), forward + R"(, "direction": ")" + direction + '"');
    return run_text(text);
  };
  const RunResult forward = run("forward");
  const RunResult both = run("forward_backward");
  CHECK(useful_flops_of(both) == Approx(3 * useful_flops_of(forward)).epsilon(1e-9));
}

TEST_CASE("re-routing at a capacity factor of one fills what dropping leaves empty", "[property][runs]") {
  const auto run = [](const std::string& overflow, const std::string& order) {
    return run_scenario(load_scenario(
        std::string(MOESIM_SCENARIOS) + "/reroute-or-drop.json",
        {.sets = {"/routing/capacity/overflow=" + overflow, "/routing/capacity/order=" + order}, .seed = {}}));
  };
  const RunResult dropped = run("drop", "position");
  const RunResult by_score = run("drop", "score");
  const RunResult rerouted = run("reroute", "position");
  const RunResult spread = run("least_loaded", "position");
  CHECK(dropped.load->dropped_fraction > 0.1);
  CHECK_FALSE(dropped.load->rerouted_fraction);
  CHECK(by_score.load->dropped_fraction == dropped.load->dropped_fraction);
  CHECK(by_score.load->retained_gate_mass > dropped.load->retained_gate_mass);
  CHECK(rerouted.load->dropped_fraction < 0.01);
  CHECK(*rerouted.load->rerouted_fraction + rerouted.load->dropped_fraction ==
        Approx(dropped.load->dropped_fraction).epsilon(1e-12));
  CHECK(rerouted.load->retained_gate_mass > by_score.load->retained_gate_mass);
  CHECK(spread.load->retained_gate_mass < rerouted.load->retained_gate_mass);
  CHECK(spread.load->expert_max_over_mean < 1.001);
  // The fullest expert is as full as before, so that the others' work is free: less than 1 % of the time.
  CHECK(rerouted.time.seconds() < 1.01 * dropped.time.seconds());
  CHECK(useful_flops_of(rerouted) > 1.1 * useful_flops_of(dropped));
}

TEST_CASE("device-limited: no token's copies reach more ranks than it may", "[property][runs]") {
  // De-duplicated copies are one for each rank that a token reaches.
  const auto run = [](const std::string& routing) {
    return run_text(R"({"schema": 1, "model": "deepseek-v2", "cluster": {"card": "h800-ib", "nodes": 2},
      "workload": {"kind": "exchange", "tokens_per_rank": 256}, "parallelism": {"ep": 16},
      "dispatch": {"algorithm": "rank_dedup"}, "routing": )" +
                    routing + "}");
  };
  for (const int most : {1, 2, 3}) {
    const RunResult result = run(fmt::format(R"({{"kind": "device_limited", "groups_kept": {}}})", most));
    CHECK(result.copies->to_ranks <= most * *result.tokens);
    CHECK(result.copies->to_experts == 6 * *result.tokens);
    CHECK(result.dispatch->elements_closed_form <=
          static_cast<double>(*result.tokens) * most * (1 - 1.0 / 16) * 5120 * (1 + 1e-12));
  }
  CHECK(run(R"({"kind": "top_k"})").copies->to_ranks > 4 * 16 * 256);
}

}  // namespace
}  // namespace moesim
