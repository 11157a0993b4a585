#include <numeric>

#include <fmt/format.h>

#include "models/architecture/catalog.hpp"
#include "models/architecture/moe_layer_counts.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/result_json.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

// What the utilisation says was computed.
double useful_flops_of(const RunResult& result) {
  const Scenario& scenario = result.scenario;
  const double peak = device(scenario.gpu).peak_flops(scenario.compute.dtype).flop_per_s();
  return *result.mfu * result.time.seconds() * scenario.parallelism.ep * peak;
}

// One node of eight H100; 256 tokens a rank, 32 experts of 2 * 1024 * 512 weights.
std::string small(int ep, const std::string& experts, const std::string& more) {
  return fmt::format(R"({{"schema": 1, "model": {{"schema": 1, "name": "small", "title": "small", "hidden_size": 1024,
     "vocab_size": 1000, "mixers": {{"attention": {{"kind": "gqa", "heads": 8, "kv_heads": 8, "head_dim": 128}}}},
     "moe": {{{}, "width": 512, "matrices": 2, "routing": {{"kind": "top_k", "scoring": "softmax"}}}},
     "layers": [{{"count": 1, "modules": ["attention", "moe"]}}]}},
     "cluster": "h100-node", "workload": {{"kind": "moe_layer", "tokens_per_rank": 256}},
     "parallelism": {{"ep": {}}}{}}})",
                     experts, ep, more);
}

TEST_CASE("a run computes what the card's layer needs", "[oracle][runs]") {
  // FLOPs of one token by models/architecture, which tests/architecture holds against published parameter counts, less
  // what the layer leaves out by name: biases, the shared experts' sigmoid gate, projections into a latent width.
  int with_experts = 0;
  for (const Card& card : model_cards()) {
    const nlohmann::json parsed = nlohmann::json::parse(card.text);
    if (!parsed.contains("moe")) continue;
    ++with_experts;
    CAPTURE(card.name);
    const int ep = std::gcd(parsed["moe"]["experts"].get<int>(), 8);
    const RunResult result = run_text(fmt::format(
        R"({{"schema": 1, "model": "{}", "cluster": "h100-node", "parallelism": {{"ep": {}}},
            "workload": {{"kind": "moe_layer", "tokens_per_rank": 16}}}})",
        card.name, ep));
    ModelCard model = *result.scenario.model;
    model.moe->expert_bias = model.moe->gate_bias = model.moe->shared_gate = false;
    const MoeLayerCounts counts = moe_layer_counts(model);
    const double copies = model.moe->routing.top_k * (1 - result.load->dropped_fraction);
    const auto tokens = static_cast<double>(*result.tokens);
    CHECK(useful_flops_of(result) / tokens ==
          Approx(copies * counts.expert_flops_per_copy + counts.shared_flops + counts.gate_flops).epsilon(1e-9));
    CHECK(result.dispatch->elements_remote == static_cast<double>(result.dispatch->copies * counts.copy_width));
  }
  CHECK(with_experts >= 20);
}

TEST_CASE("padding costs time, but what fills a buffer is not useful", "[oracle][runs]") {
  const std::string routing = R"(, "routing": {"kind": "top_k", "capacity": {"factor": 4}}, "dispatch": {"padding": )";
  const std::string experts = R"("experts": 32, "top_k": 2)";
  const RunResult plain = run_text(small(8, experts, routing + R"("none"})"));
  const RunResult padded = run_text(small(8, experts, routing + R"("capacity"})"));
  CHECK(padded.time > plain.time);
  CHECK(useful_flops_of(padded) == Approx(useful_flops_of(plain)).epsilon(1e-12));
  // 16 choices an expert and rank on average, times four: 64 slots. A rank packs 32 of them, and receives 4 from each
  // of 8 ranks; copies weigh 2 KiB each way.
  CHECK(padded.memory->buffers == Bytes{2 * 64 * 32 * 2048});
}

TEST_CASE("two experts, both chosen by every token: the whole result by hand", "[oracle][runs]") {
  // 512 tokens on two ranks, one expert on each: every token keeps one copy and sends one of 1024 bf16 elements.
  const RunResult result = run_text(small(2, R"("experts": 2, "top_k": 2)", ""));
  const nlohmann::ordered_json json = result_json(result);
  for (const char* exchange : {"dispatch", "combine"}) {
    CAPTURE(exchange);
    const nlohmann::ordered_json& traffic = json.at("traffic").at(exchange);
    CHECK(traffic.at("copies") == 512);
    CHECK(traffic.at("elements_remote") == 512.0 * 1024);
    CHECK(traffic.at("elements_closed_form") == 512.0 * 1024);
    CHECK(traffic.at("bytes_scale_up") == 512 * 2048);
    CHECK(traffic.at("bytes_scale_out") == 0);
  }
  CHECK(result.load->expert_max_over_mean == 1);
  CHECK(result.load->min_expert_tokens == 512);
  CHECK(result.load->max_expert_tokens == 512);
  CHECK(result.load->dropped_fraction == 0);
  // 1024 copies of 2 products of 1024 x 512, and 512 tokens' scores of two experts.
  CHECK(useful_flops_of(result) == Approx(2.0 * (1024 * 2 * 1024 * 512 + 512 * 1024 * 2)));
  CHECK(result.memory->weights == Bytes{2 * (2 * 1024 * 512 + 1024 * 2)});
  CHECK(result.memory->buffers == Bytes{2 * 512 * 2048});  // 512 copies packed (both of 256 tokens), 512 received.
  // Two ports a rank, each with 256 copies a pass: dispatch and combine.
  CHECK(result.links.size() == 4);
  for (const LinkResult& link : result.links) CHECK(link.bytes == Bytes{2 * 256 * 2048});
}

TEST_CASE("one rank sends nothing and has no buffers", "[oracle][runs]") {
  const RunResult result = run_text(small(1, R"("experts": 2, "top_k": 2)", ""));
  CHECK(result.memory->buffers == Bytes{0});
  CHECK(*result.exposed_communication == Picoseconds::zero());
  CHECK(result.links.empty());
}

TEST_CASE("experts cut into four: the same arithmetic, four times the copies", "[oracle][runs]") {
  // Granularity m: m N experts of width f / m, m k chosen. Without de-duplication each choice is a copy.
  const auto run = [](const std::string& name) {
    return run_scenario(load_scenario(std::string(MOESIM_SCENARIOS) + "/" + name));
  };
  const RunResult coarse = run("granularity-m1.json");
  const RunResult fine = run("granularity-m4.json");
  const auto expert_flops = [](const RunResult& r) {
    const MoeLayerCounts counts = moe_layer_counts(*r.scenario.model);
    return useful_flops_of(r) - static_cast<double>(*r.tokens) * counts.gate_flops;
  };
  CHECK(expert_flops(fine) == Approx(expert_flops(coarse)).epsilon(1e-9));
  CHECK(fine.dispatch->elements_closed_form == Approx(4 * coarse.dispatch->elements_closed_form));
  const auto copies = [](const RunResult& r) { return static_cast<double>(r.dispatch->copies); };
  CHECK(copies(fine) / copies(coarse) == Approx(4).epsilon(0.01));
}

TEST_CASE("shared experts beside the dispatch hide some of it", "[property][runs]") {
  const auto run = [](const std::string& overlap) {
    return run_text(R"({"schema": 1, "model": "deepseek-v3", "cluster": {"card": "h800-ib", "nodes": 2},
     "workload": {"kind": "moe_layer", "tokens_per_rank": 512}, "parallelism": {"ep": 16},
     "compute": {"overlap_shared_experts": )" +
                    overlap + "}}");
  };
  const RunResult beside = run("true");
  const RunResult before = run("false");
  CHECK(*beside.exposed_communication < *before.exposed_communication);
  // What the compute streams do is the same; only the waiting differs.
  CHECK(useful_flops_of(beside) == Approx(useful_flops_of(before)).epsilon(1e-9));
}

}  // namespace
}  // namespace moesim
