#include "models/kernels/layer_memory.hpp"

#include <array>

#include "tests/catch.hpp"

namespace moesim {
namespace {

constexpr std::array<std::int64_t, 2> kRows{30, 10};

// d = 256, f = 128, two experts of three matrices, one shared expert, a gate of 8; one byte a dispatched element.
MoeLayerShape shape() {
  return {.hidden = 256,
          .expert_width = 128,
          .expert_matrices = 3,
          .experts_on_rank = 2,
          .gate_experts = 8,
          .top_k = 2,
          .shared_width = 128};
}

MoeRankLoad load() {
  return {.tokens = 20,
          .packed_rows = 36,
          .received_rows = 38,
          .returned_rows = 36,
          .dispatch_copy = {264},
          .combine_copy = {512},
          .expert_tokens = kRows};
}

}  // namespace

TEST_CASE("memory of a small layer by hand, inference", "[oracle][memory]") {
  // Weights: 3 * 256 * (2 * 128 + 128) in bf16 and the gate's 256 * 8.
  const std::int64_t parameters = 3 * 256 * 384 + 256 * 8;
  CHECK(layer_parameters(shape()) == parameters);
  const LayerMemory m = layer_memory(shape(), load(), {});
  CHECK(m.weights == Bytes{2 * parameters});
  CHECK(m.gradients == Bytes{0});
  CHECK(m.optimizer == Bytes{0});
  // Tokens 20 * 512; scores and choices 20 * (8 * 4 + 2 * 8); of 40 rows the largest pair of neighbours among
  // inputs 512, up 512, function 256, outputs 512; the shared expert's outputs, 20 * 512, wait for the sum.
  CHECK(m.activations == Bytes{20 * 512 + 20 * 48 + 40 * (512 + 512) + 20 * 512});
  // Without rows the shared expert has the most: up 512 and function 256, as much as function and outputs.
  MoeRankLoad idle = load();
  const std::array<std::int64_t, 2> none{0, 0};
  idle.expert_tokens = none;
  CHECK(layer_memory(shape(), idle, {}).activations == Bytes{20 * 512 + 20 * 48 + 20 * (512 + 256)});
  // Sent and returned take turns: max(36 * 264, 36 * 512); received rows are there twice over in size: 38 * 512.
  CHECK(m.buffers == Bytes{36 * 512 + 38 * 512});
  CHECK(m.total() == m.weights + m.activations + m.buffers);
}

TEST_CASE("memory of a small layer by hand, training", "[oracle][memory]") {
  const std::int64_t parameters = 3 * 256 * 384 + 256 * 8;
  const LayerMemory m = layer_memory(shape(), load(), {.backward = true, .optimizer_shards = 4});
  CHECK(m.gradients == Bytes{4 * parameters});       // fp32
  CHECK(m.optimizer == Bytes{12 * parameters / 4});  // Master copy and two moments, over four ranks.
  // Everything is kept: tokens, scores, 40 rows of all four steps, 20 of the shared expert's up and function.
  CHECK(m.activations == Bytes{20 * 512 + 20 * 48 + 40 * (512 + 512 + 256 + 512) + 20 * (512 + 256)});
}

TEST_CASE("a latent width is that of routed experts alone", "[oracle][memory]") {
  MoeLayerShape latent = shape();
  latent.latent_width = 64;
  latent.gate_matrices = 2;
  CHECK(layer_parameters(latent) == 3 * 64 * 2 * 128 + 3 * 256 * 128 + 2 * 256 * 8);
  const LayerMemory m = layer_memory(latent, load(), {});
  // Scores twice; rows' neighbours: up 512 and function 256, more than inputs 128 and up 512.
  CHECK(m.activations == Bytes{20 * 512 + 20 * (2 * 8 * 4 + 2 * 8) + 40 * (512 + 256) + 20 * 512});
}

TEST_CASE("DeepSeek-V3: one layer's experts on one of 64 ranks", "[oracle][memory]") {
  // 4 of 256 experts and the shared one, 3 * 7168 * 2048 = 44,040,192 weights each, and a gate of 7168 * 256: in FP8
  // 5 * 44,040,192 B and 2 * 1,835,008 B for the gate.
  const std::array<std::int64_t, 4> rows{8192, 8192, 8192, 8192};
  const MoeLayerShape v3{.hidden = 7168,
                         .expert_width = 2048,
                         .experts_on_rank = 4,
                         .gate_experts = 256,
                         .top_k = 8,
                         .shared_width = 2048,
                         .compute = DataType::fp8};
  const MoeRankLoad load{.tokens = 4096, .expert_tokens = rows};
  CHECK(layer_parameters(v3) == 222'035'968);
  CHECK(layer_memory(v3, load, {.weight = DataType::fp8}).weights == Bytes{5 * 44'040'192 + 2 * 1'835'008});
}

TEST_CASE("more rows never take less memory", "[property][memory]") {
  std::array<std::int64_t, 2> rows{0, 0};
  MoeRankLoad l = load();
  l.expert_tokens = rows;
  Bytes before{};
  for (int i = 0; i < 50; ++i) {
    rows[static_cast<std::size_t>(i % 2)] += 7;
    l.received_rows += 5;
    const Bytes now = layer_memory(shape(), l, {.backward = i % 2 == 1}).total();
    if (i % 2 == 0) CHECK(now > before);
    if (i % 2 == 0) before = now;
  }
}

}  // namespace moesim
