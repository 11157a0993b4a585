// Scenarios that place experts by load, and the price of a change.
#include <fmt/format.h>

#include "models/exchange/exchange_plan.hpp"
#include "models/routing/placement/duplication.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::string scenario(const std::string& workload, const std::string& placement, const std::string& more = "") {
  return fmt::format(R"({{"schema": 1, "model": "deepseek-v3", "cluster": {{"card": "h800-ib", "nodes": 2}},
     "workload": {}, "parallelism": {{"ep": 16}}, "placement": {},
     "routing": {{"kind": "top_k", "skew": {{"kind": "zipf", "exponent": 0.6}}}},
     "dispatch": {{"algorithm": "rank_dedup", "library": "none"}}, "compute": {{"profile": "none"}}{}}})",
                     workload, placement, more);
}

const std::string kLayer = R"({"kind": "moe_layer", "tokens_per_rank": 1024})";

TEST_CASE("placements by load even the ranks out, and say how far from the bound they are", "[runs]") {
  const RunResult contiguous = run_text(scenario(kLayer, R"("contiguous")"));
  CHECK_FALSE(contiguous.placement);
  for (const std::string placement :
       {R"("zigzag")", R"("greedy")", R"({"kind": "eplb", "redundant_experts": 32})",
        R"({"kind": "eplb", "redundant_experts": 32, "replicas": "nearest"})", R"({"kind": "coactivation"})"}) {
    CAPTURE(placement);
    const RunResult result = run_text(scenario(kLayer, placement));
    REQUIRE(result.placement);
    CHECK(result.placement->contiguous_max_over_mean == contiguous.load->rank_max_over_mean);
    CHECK(result.placement->max_over_mean == result.load->rank_max_over_mean);
    CHECK(result.load->rank_max_over_mean < contiguous.load->rank_max_over_mean);
    CHECK(result.load->expert_max_over_mean == contiguous.load->expert_max_over_mean);
    CHECK(result.time < contiguous.time);
    CHECK(result.tokens == contiguous.tokens);
  }
}

TEST_CASE("even replicas of an oracle's placement keep what EPLB promises; a stale one does not", "[runs]") {
  const auto balance = [](const std::string& more) {
    const RunResult result = run_text(scenario(kLayer, R"({"kind": "eplb", "redundant_experts": 32, )" + more + "}"));
    return *result.placement;
  };
  const PlacementResult oracle = balance(R"("loads": "same_step")");
  CHECK(oracle.max_over_mean >= oracle.least_max_over_mean * (1 - 1e-3));  // Turns split to within a copy a source.
  CHECK(oracle.max_over_mean < 1.05 * oracle.least_max_over_mean);
  const PlacementResult previous = balance(R"("load_steps": 1)");
  CHECK(previous.max_over_mean > oracle.max_over_mean);
  CHECK(balance(R"("load_steps": 16)").max_over_mean < previous.max_over_mean);
  CHECK(balance(R"("load_seed": 99)").max_over_mean > 1.3 * previous.max_over_mean);
}

TEST_CASE("redundant experts take the memory of so many more experts", "[oracle][runs]") {
  const RunResult plain = run_text(scenario(kLayer, R"("greedy")"));
  const RunResult redundant = run_text(scenario(kLayer, R"({"kind": "eplb", "redundant_experts": 32})"));
  // DeepSeek-V3's experts: three matrices of 7168 x 2048 in bf16; 32 redundant ones on 16 ranks are two a rank.
  CHECK(redundant.memory->weights - plain.memory->weights == Bytes{2 * 3 * 7168 * 2048 * 2});
  CHECK(redundant.placement->experts_per_rank == 18);
}

std::string rebalance(const std::string& from, const std::string& to, const std::string& more = "") {
  return scenario(fmt::format(R"({{"kind": "rebalance", "tokens_per_rank": 1024, "from": {}}})", from), to, more);
}

TEST_CASE("a rebalance has the layer before and after, and breaks even where the savings have paid", "[oracle][runs]") {
  const std::string eplb = R"({"kind": "eplb", "redundant_experts": 32})";
  const RunResult result = run_text(rebalance(R"("contiguous")", eplb));
  REQUIRE(result.rebalance);
  const RebalanceResult& r = *result.rebalance;
  CHECK(r.before.layer == run_text(scenario(kLayer, R"("contiguous")")).time);
  CHECK(r.after.layer == run_text(scenario(kLayer, eplb)).time);
  CHECK(r.layers == 58);
  CHECK(r.expert_slots == 288);
  CHECK(r.bytes_scale_up + r.bytes_scale_out == Bytes{r.experts_moved * 3 * 7168 * 2048 * 2});
  REQUIRE(r.break_even_steps);
  const Picoseconds saved = r.before.layer - r.after.layer;
  CHECK(*r.break_even_steps * saved.count >= result.time.count);
  CHECK((*r.break_even_steps - 1) * saved.count < result.time.count);

  const RunResult back = run_text(rebalance(eplb, R"("contiguous")"));
  CHECK_FALSE(back.rebalance->break_even_steps);
  const RunResult nothing = run_text(rebalance(eplb, eplb));
  CHECK(nothing.rebalance->experts_moved == 0);
  CHECK(nothing.time == Picoseconds::zero());
  CHECK_FALSE(nothing.rebalance->break_even_steps);
}

TEST_CASE("duplicating the busiest experts for one step pays from so many tokens a rank", "[oracle][runs]") {
  const auto run = [](std::int64_t tokens) {
    const std::string workload = fmt::format(R"({{"kind": "rebalance", "tokens_per_rank": {}}})", tokens);
    const std::string duplicates = R"({"kind": "duplicates", "redundant_experts": 16, "loads": "same_step"})";
    return run_text(scenario(workload, duplicates));
  };
  const auto pays = [&](std::int64_t tokens) { return run(tokens).rebalance->break_even_steps == 1; };
  std::int64_t too_few = 64;
  std::int64_t enough = 65536;
  REQUIRE_FALSE(pays(too_few));
  REQUIRE(pays(enough));
  while (50 * enough > 51 * too_few) {
    const std::int64_t middle = (too_few + enough) / 2;
    (pays(middle) ? enough : too_few) = middle;
  }
  const RunResult there = run(enough);
  const RebalanceResult& r = *there.rebalance;
  CHECK(r.experts_moved <= 16);
  // The line through one point far away meets the simulated one.
  const auto far = static_cast<double>(*run(4 * enough).rebalance->break_even_tokens_per_rank);
  CHECK(std::abs(far / static_cast<double>(enough) - 1) < 0.2);
  // By products alone, 6 d f FLOPs a copy at H800's 989 TFLOP/s in bf16, it would take more tokens: the exchange, which
  // the fullest rank also holds up, saves as well.
  const double copy = 6.0 * 7168 * 2048 / 989e12;
  const double by_products = duplication_break_even_tokens({.move = there.time,
                                                            .copy = Picoseconds::from_seconds(copy),
                                                            .top_k = 8,
                                                            .max_over_mean_before = r.before.rank_max_over_mean,
                                                            .max_over_mean_after = r.after.rank_max_over_mean});
  CHECK(static_cast<double>(enough) < by_products);
  CHECK(static_cast<double>(enough) > 0.1 * by_products);
}

TEST_CASE("moving weights takes what the busiest NIC needs, and little more", "[oracle][runs]") {
  const RunResult result = run_text(rebalance(R"("contiguous")", R"("strided")"));
  const RebalanceResult& r = *result.rebalance;
  // Contiguous: rank r has experts 16 r to 16 r + 15. Strided: rank r needs r, r + 16, ..., of which each rank has one:
  // 15 experts come from 15 ranks, 7 over NVLink and 8 over the NIC.
  CHECK(r.experts_moved == 16 * 15);
  const std::int64_t expert = 3 * 7168 * 2048 * 2;
  CHECK(r.bytes_scale_up == Bytes{16 * 7 * expert});
  CHECK(r.bytes_scale_out == Bytes{16 * 8 * expert});
  CHECK(r.most_received == Bytes{15 * expert});
  // 8 experts through a NIC of 50 GB/s; the rails of two nodes are not oversubscribed, and latencies are microseconds.
  const double seconds = 8 * static_cast<double>(expert) / 50e9;
  CHECK(result.time.seconds() >= seconds * (1 - 1e-9));
  CHECK(result.time.seconds() < 1.02 * seconds);
}

}  // namespace
}  // namespace moesim
