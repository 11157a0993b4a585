#include "models/kernels/moe_layer.hpp"

#include <array>
#include <chrono>
#include <vector>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

// DeepSeek-V3 (arXiv:2412.19437) over 64 ranks.
MoeLayerShape deepseek_v3() {
  return {.hidden = 7168,
          .expert_width = 2048,
          .expert_matrices = 3,
          .experts_on_rank = 4,
          .gate_experts = 256,
          .top_k = 8,
          .shared_width = 2048,
          .compute = DataType::fp8};
}

constexpr std::array<std::int64_t, 4> kBalanced{8192, 8192, 8192, 8192};  // 4096 tokens * 64 ranks * 8 / 256

MoeRankLoad balanced_load() {
  return {.tokens = 4096,
          .packed_rows = 20480,
          .received_rows = 24576,
          .returned_rows = 20480,
          .dispatch_copy = {7392},
          .combine_copy = {14336},
          .expert_tokens = kBalanced};
}

}  // namespace

TEST_CASE("DeepSeek-V3 layer on H800, 4096 tokens, by hand", "[oracle][kernels]") {
  // 1979 (fp8) and 989 (bf16) TFLOP/s at 0.70 and 0.80, on 132 SMs; 3350 GB/s streaming at 0.90, by rows at 0.70; 3 us.
  const KernelModel model(h800(), {});
  const MoeLayerCosts c = moe_layer_costs(model, deepseek_v3(), balanced_load(), LayerPass::forward);
  constexpr double kUs = 1e-3;
  // [4096, 7168] x [7168, 256]: 32 x 2 tiles of 128 columns, or 32 x 4 of 64, which take one wave: 2 * 128 * 64 * 7168
  // flops at 0.8 * 989e12 / 132 = 19.593 us. Reading 2 * (4096 + 256) * 7168 B takes longer: 20.693 us. Then 4096 * 256
  // fp32 scores: 1.391 us.
  CHECK_THAT(c.gate.time.us(), WithinAbs(3 + 20.6933 + 1.3911, kUs));
  // Eight looks at the scores, eight choices of 8 B: 8 * 4096 * (1024 + 8) B.
  CHECK_THAT(c.top_k.time.us(), WithinAbs(3 + 11.2161, kUs));
  // 4096 * 14336 + 20480 * 7392 B by rows.
  CHECK_THAT(c.permute.time.us(), WithinAbs(3 + 89.5985, kUs));
  // (24576 + 32768) * 7392 B.
  CHECK_THAT(c.expand.time.us(), WithinAbs(3 + 180.7620, kUs));
  // 4 * 64 row tiles * 64 columns of 64 = 16384 tiles, 125 waves of 2 * 128 * 64 * 7168 flops at 0.7 * 1979e12 / 132:
  // 1398.808 us; then 32768 * 4096 * 2 B: 89.033 us.
  CHECK_THAT(c.up.time.us(), WithinAbs(3 + 1398.8078 + 89.0333, kUs));
  CHECK(c.up.flops == 2.0 * 32768 * 4096 * 7168);
  CHECK(c.up.bound == Bound::compute);
  // Reads 32768 * 4096 * 2 B, writes 32768 * (2048 + 64) B.
  CHECK_THAT(c.activation.time.us(), WithinAbs(3 + 111.9872, kUs));
  // 256 * 56 tiles of 128 columns, 109 waves of 2 * 128 * 128 * 2048 flops: 697.006 us; then 32768 * 7168 * 2 B.
  CHECK_THAT(c.down.time.us(), WithinAbs(3 + 697.0059 + 155.8083, kUs));
  CHECK_THAT(c.unpermute.time.us(), WithinAbs(3 + 350.5687, kUs));
  CHECK_THAT(c.combine.time.us(), WithinAbs(3 + 150.2437, kUs));
  // The same two products and the function for 4096 rows of one expert.
  CHECK_THAT(c.shared.time.us(), WithinAbs(193.1766 + 16.9984 + 111.9997, kUs));
  CHECK(c.up_weights.time == Picoseconds::zero());
  // 2 * 3 * d * f flops a row and expert, and the gate's.
  CHECK(c.total().flops == 2.0 * 3 * 7168 * 2048 * (32768 + 4096) + 2.0 * 4096 * 7168 * 256);
  const MoeLayerCosts b = moe_layer_costs(model, deepseek_v3(), balanced_load(), LayerPass::backward);
  // Weight gradients: an even share of 32 x 56 (56 x 16) tiles of 2 * 128 * 128 * 32768 flops, then 8 B for each of
  // 4 * 4096 * 7168 (4 * 7168 * 2048) gradients.
  // At half the rate of the other products, and behind the casts of both factors: 2 * 33/32 bytes an element each.
  const auto cast = [](double columns) { return 3 + 2 * 32768 * columns * 33 / 32 / (0.9 * 3350e3); };
  CHECK_THAT(b.up_weights.time.us(), WithinAbs(cast(4096) + cast(7168) + 3 + 2 * 1388.9738 + 311.6167, kUs));
  CHECK_THAT(b.down_weights.time.us(), WithinAbs(cast(7168) + cast(2048) + 3 + 2 * 694.4869 + 155.8083, kUs));
}

TEST_CASE("the backward pass moves these bytes", "[oracle][kernels]") {
  // d = 7168, f = 2048; rows R = 32768, 4096 tokens, p = q = 20480 copies, r = 24576; a copy weighs 7392 B to the
  // experts and 14336 B back. An FP8 row of c elements is c + c / 32 B.
  const MoeLayerCosts b = moe_layer_costs(KernelModel(h800(), {}), deepseek_v3(), balanced_load(), LayerPass::backward);
  constexpr std::int64_t kRows = 32768;
  CHECK(b.combine.hbm == Bytes{4096 * 14336 + 20480 * 7392});
  CHECK(b.unpermute.hbm == Bytes{24576 * 7392 + kRows * 7392});
  // Input gradient of down: [R, 7168] times [7168, 2048], and of up: [R, 4096] times [4096, 7168].
  CHECK(b.down.hbm == Bytes{kRows * 7392 + 4 * 7168 * 2048 + kRows * 2048 * 2});
  CHECK(b.up.hbm == Bytes{kRows * 4224 + 4 * 7168 * 4096 + kRows * 7168 * 2});
  // Reads up's outputs and the gradient of the function's outputs in bf16, writes that of up's outputs in FP8.
  CHECK(b.activation.hbm == Bytes{kRows * (4096 * 2 + 2048 * 2 + 4224)});
  CHECK(b.expand.hbm == Bytes{kRows * 14336 + 24576 * 14336});
  CHECK(b.permute.hbm == Bytes{20480 * 14336 + 4096 * 14336});
  CHECK(b.top_k.hbm == Bytes{4096 * (2 * 4 * 256 + 8 * 8)});
}

TEST_CASE("backward has twice the flops of forward", "[oracle][kernels]") {
  // Each product [m, n, k] has an input and a weight gradient of the same 2 m n k.
  const auto seed = GENERATE(range(1u, 51u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  MoeLayerShape shape = deepseek_v3();
  shape.expert_matrices = rng.below(2) == 0 ? 2 : 3;
  shape.shared_width = rng.below(2) == 0 ? 0 : 4096;
  shape.experts_on_rank = 1 + static_cast<int>(rng.below(30));
  std::vector<std::int64_t> rows(static_cast<std::size_t>(shape.experts_on_rank));
  for (auto& r : rows) r = rng.below(500);
  MoeRankLoad load = balanced_load();
  load.tokens = rng.below(5000);
  load.expert_tokens = rows;
  std::int64_t all_rows = 0;
  for (const std::int64_t r : rows) all_rows += r;
  if (rng.below(2) == 0) {
    shape.parts = 4;
    shape.part_projections = rng.below(2) == 0;
  }
  if (rng.below(2) == 0) {
    shape.depth_router = true;
    load.skipped = rng.below(5000);
  }
  const KernelModel model(h800(), {});
  const auto forward = moe_layer_costs(model, shape, load, LayerPass::forward);
  const auto backward = moe_layer_costs(model, shape, load, LayerPass::backward);
  CHECK(backward.total().flops == Approx(2 * forward.total().flops).epsilon(1e-12));
  CHECK(backward.experts().flops == Approx(2 * forward.experts().flops).epsilon(1e-12));
  CHECK(useful_flops(shape, load.tokens, all_rows, LayerPass::forward, load.skipped) ==
        Approx(forward.total().flops).epsilon(1e-12));
  for (const MoeLayerCosts& c : {forward, backward}) {
    CHECK(c.total().time == c.before_exchange().time + c.experts().time + c.after_exchange().time + c.shared.time);
  }
}

TEST_CASE("routed experts work in the latent width, everything else in the hidden one", "[oracle][kernels]") {
  MoeLayerShape shape = deepseek_v3();
  shape.latent_width = 1024;
  shape.gate_matrices = 2;
  const KernelModel model(h800(), {});
  for (const LayerPass pass : {LayerPass::forward, LayerPass::backward}) {
    const double scale = pass == LayerPass::forward ? 1 : 2;
    const MoeLayerCosts c = moe_layer_costs(model, shape, balanced_load(), pass);
    CHECK(c.experts().flops == Approx(scale * 2.0 * 3 * 1024 * 2048 * 32768));
    CHECK(c.shared.flops == Approx(scale * 2.0 * 3 * 7168 * 2048 * 4096));
    CHECK(c.gate.flops == Approx(scale * 2.0 * 2 * 7168 * 256 * 4096));
    CHECK(useful_flops(shape, 4096, 32768, pass) == Approx(c.total().flops));
  }
  // (24576 copies) * 7392 B and 32768 rows of 1024 + 32 B.
  CHECK(moe_layer_costs(model, shape, balanced_load(), LayerPass::forward).expand.hbm ==
        Bytes{24576 * 7392 + 32768 * 1056});
}

TEST_CASE("a rank without tokens and without copies has nothing to do", "[oracle][kernels]") {
  const std::array<std::int64_t, 4> none{};
  const MoeRankLoad idle{.dispatch_copy = {7392}, .combine_copy = {14336}, .expert_tokens = none};
  const KernelModel model(h800(), {});
  CHECK(moe_layer_costs(model, deepseek_v3(), idle, LayerPass::forward).total().time == Picoseconds::zero());
  CHECK(moe_layer_costs(model, deepseek_v3(), idle, LayerPass::backward).total().time == Picoseconds::zero());
}

TEST_CASE("without shared experts nothing of them is left", "[kernels]") {
  MoeLayerShape shape = deepseek_v3();
  shape.shared_width = 0;
  const KernelModel model(h800(), {});
  CHECK(moe_layer_costs(model, shape, balanced_load(), LayerPass::forward).shared.time == Picoseconds::zero());
  CHECK(moe_layer_costs(model, shape, balanced_load(), LayerPass::backward).shared.time == Picoseconds::zero());
}

TEST_CASE("finer experts keep the flops and pad more", "[property][kernels]") {
  // Granularity m: 4 m experts of width f / m, each token on m times as many. The products' flops are the same; with
  // few tokens an expert the tiles are emptier, so that the products take no less time.
  const KernelModel model(h800(), {});
  double flops = 0;
  Picoseconds time;
  for (const int m : {1, 2, 4, 8}) {
    MoeLayerShape shape = deepseek_v3();
    shape.experts_on_rank = 4 * m;
    shape.expert_width = 2048 / m;
    const std::vector<std::int64_t> rows(static_cast<std::size_t>(4 * m), 40);  // m times the rows, m times the experts
    MoeRankLoad load = balanced_load();
    load.expert_tokens = rows;
    const auto c = moe_layer_costs(model, shape, load, LayerPass::forward);
    if (m > 1) {
      CHECK(c.up.flops == flops);
      CHECK(c.up.time >= time);
    }
    flops = c.up.flops;
    time = c.up.time;
  }
}

TEST_CASE("caveats name what is not calibrated and what stands in", "[kernels]") {
  MoeLayerShape shape = deepseek_v3();
  shape.compute = DataType::fp4;
  const auto caveats = moe_layer_caveats(KernelModel(h800(), {}), shape, {});
  REQUIRE(caveats.size() == 2);
  CHECK(caveats[0].key == "uncalibrated");
  CHECK(caveats[1].key == "data_type_fallback");
}

TEST_CASE("the kernels of a layer of 256 experts are priced in microseconds", "[kernels]") {
  MoeLayerShape shape = deepseek_v3();
  shape.experts_on_rank = 256;
  std::vector<std::int64_t> rows(256);
  for (std::size_t e = 0; e < rows.size(); ++e) rows[e] = static_cast<std::int64_t>(e) * 7 % 301;
  MoeRankLoad load = balanced_load();
  load.expert_tokens = rows;
  const KernelModel model(h800(), {});
  constexpr int kRuns = 2000;
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t sum = 0;
  for (int i = 0; i < kRuns; ++i) {
    rows[static_cast<std::size_t>(i) % rows.size()] += 1;
    sum += moe_layer_costs(model, shape, load, LayerPass::forward).total().time.count;
  }
  const std::chrono::duration<double, std::micro> each = (std::chrono::steady_clock::now() - begin) / kRuns;
  CHECK(sum > 0);
  INFO("us a layer: " << each.count());
  CHECK(each.count() < 200);  // 20 in a release build on an idle core; room for sanitizers and neighbours.
}

}  // namespace moesim
