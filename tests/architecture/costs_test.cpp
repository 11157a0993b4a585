#include <cmath>

#include "models/architecture/model_costs.hpp"
#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/parameters.hpp"
#include "scenarios/model_card_json.hpp"
#include "tests/architecture/published_counts.hpp"
#include "tests/catch.hpp"

using namespace moesim;

TEST_CASE("cache and state sizes equal an independent computation", "[oracle][architecture]") {
  for (const ReferenceCounts& reference : kReferenceCounts) {
    CAPTURE(reference.name);
    const KvCacheSize kv = kv_cache_size(catalog_model_card(reference.name), DataType::bf16);
    CHECK(kv.bytes_per_token == 2.0 * static_cast<double>(reference.kv_elements));
    CHECK(kv.window_bytes_per_token == 2.0 * static_cast<double>(reference.kv_window_elements));
    CHECK(kv.state_bytes_per_sequence == 2.0 * static_cast<double>(reference.state_elements));
  }
}

TEST_CASE("KV cache a token as published", "[oracle][architecture]") {
  // "Insights into DeepSeek-V3", arXiv 2505.09343, table 1: 70.272, 327.680 and 516.096 KB (of 1000 bytes) at bf16.
  CHECK(kv_cache_size(catalog_model_card("deepseek-v3"), DataType::bf16).bytes_per_token == 70'272);
  CHECK(kv_cache_size(catalog_model_card("qwen2.5-72b"), DataType::bf16).bytes_per_token == 327'680);
  CHECK(kv_cache_size(catalog_model_card("llama-3.1-405b"), DataType::bf16).bytes_per_token == 516'096);
}

TEST_CASE("Mixtral 8x7B's weights are 93 GB in fp16", "[oracle][architecture]") {
  const ModelCard card = catalog_model_card("mixtral-8x7b");
  CHECK(weight_bytes(card, DataType::fp16) == Bytes{93'405'585'408});
  CHECK(weight_bytes(card, DataType::fp8) == Bytes{46'702'792'704});
  CHECK(weight_bytes(card, DataType::fp4) == Bytes{23'351'396'352});
  CHECK(weight_bytes(card, DataType::fp32) == Bytes{186'811'170'816});
}

TEST_CASE("training FLOPs a token as published for 4096 tokens of context", "[oracle][architecture]") {
  // arXiv 2505.09343, table 2: 155 and 250 GFLOPs a token for DeepSeek-V2 and V3, 2448 for LLaMA-3.1 405B. The first
  // two are met to the printed digit; the third by 1.0 %, which is half of the attention (or its recomputation).
  const auto gflops = [](std::string_view name) {
    return training_flops_per_token(catalog_model_card(name), 4096).total() * 1e-9;
  };
  CHECK_THAT(gflops("deepseek-v2"), WithinAbs(155.3, 0.05));
  CHECK_THAT(gflops("deepseek-v3"), WithinAbs(250.5, 0.05));
  CHECK_THAT(gflops("llama-3.1-405b"), WithinRel(2448.0, 0.0105));
}

TEST_CASE("DeepSeekMoE 16B trains with 40 % of LLaMA-2 7B's FLOPs", "[oracle][architecture]") {
  // arXiv 2401.06066, table 3: 74.4T against 187.9T for 4096 tokens. The paper idealises every layer (a dense one has
  // 12 d^2 weights) and does not mask attention: 4096 (72 L d^2 + 12 L d s + 6 V d). With the true shapes and the same
  // unmasked attention: 75.8T and 188.8T.
  const auto tflops = [](std::string_view name) {
    const ModelFlops flops = training_flops_per_token(catalog_model_card(name), 4096);
    return 4096 * (flops.weights + 2 * flops.mixing) * 1e-12;
  };
  CHECK_THAT(tflops("deepseekmoe-16b"), WithinRel(74.4, 0.02));
  CHECK_THAT(tflops("llama-2-7b"), WithinRel(187.9, 0.006));
  CHECK_THAT(tflops("deepseekmoe-16b") / tflops("llama-2-7b"), WithinAbs(0.40, 0.005));

  const auto idealised = [](double layers, double d, double layer_weights, double vocabulary) {
    return 4096 * (6 * layers * layer_weights * d * d + 12 * layers * d * 4096 + 6 * vocabulary * d) * 1e-12;
  };
  CHECK_THAT(idealised(28, 2048, 4 + 2 * 8, 102'400), WithinAbs(74.4, 0.05));
  CHECK_THAT(idealised(32, 4096, 12, 32'000), WithinAbs(187.9, 0.05));
}

TEST_CASE("forward FLOPs are twice the active weights, plus causal attention", "[oracle][architecture]") {
  // L layers of H heads: scores and sums are 2 * 2 * H * head_dim a key, with s / 2 keys on average.
  const ModelCard card = catalog_model_card("llama-2-7b");
  const ModelFlops flops = forward_flops_per_token(card, 4096);
  CHECK(flops.weights == 2.0 * (6'738'415'616.0 - 131'072'000.0));
  CHECK(flops.mixing == 32.0 * 4 * 32 * 128 * 2048);
  CHECK(training_flops_per_token(card, 4096).total() == 3 * flops.total());
}

TEST_CASE("a window bounds the attention, long contexts cost what they must", "[property][architecture]") {
  const ModelCard dense = catalog_model_card("llama-2-7b");
  const ModelCard windowed = catalog_model_card("gpt-oss-120b");
  const ModelCard recurrent = catalog_model_card("minimax-text-01");
  for (std::int64_t context = 256; context <= 1 << 20; context *= 2) {
    CAPTURE(context);
    const auto growth = [&](const ModelCard& card) {
      return forward_flops_per_token(card, 2 * context).mixing - forward_flops_per_token(card, context).mixing;
    };
    const double half = forward_flops_per_token(dense, context).mixing;
    CHECK_THAT(growth(dense), WithinRel(half, 1e-12));  // Linear in the context.
    // Half of gpt-oss' layers see at most 128 keys: twice the context can not double the cost.
    CHECK(growth(windowed) < forward_flops_per_token(windowed, context).mixing);
    CHECK(growth(recurrent) > 0);  // Every eighth layer still has a cache.
  }
}

TEST_CASE("what one MoE layer costs", "[oracle][architecture]") {
  const MoeLayerCounts v3 = moe_layer_counts(catalog_model_card("deepseek-v3"));
  CHECK(v3.expert_params == 44'040'192);
  CHECK(v3.shared_params == 44'040'192);
  CHECK(v3.gate_params == 7168 * 256);
  CHECK(v3.copy_width == 7168);
  CHECK(v3.expert_flops_per_copy == 88'080'384);
  CHECK(v3.gate_flops == 2.0 * 7168 * 256);
  CHECK(v3.latent_flops == 0);

  // Nemotron-3-Super sends copies of 1024 elements, two matrices an expert; its shared expert stays in 4096.
  const MoeLayerCounts nemotron = moe_layer_counts(catalog_model_card("nemotron-3-super-120b-a12b"));
  CHECK(nemotron.copy_width == 1024);
  CHECK(nemotron.expert_params == 2 * 1024 * 2688);
  CHECK(nemotron.shared_params == 2 * 4096 * 5376);
  CHECK(nemotron.latent_params == 2 * 4096 * 1024);

  // gpt-oss has a bias on each of three matrices.
  const MoeLayerCounts oss = moe_layer_counts(catalog_model_card("gpt-oss-120b"));
  CHECK(oss.expert_params == 3 * 2880 * 2880 + 2 * 2880 + 2880);

  // Noisy gating has a second matrix; LongCat's gate scores 256 identity experts, too.
  CHECK(moe_layer_counts(catalog_model_card("moe-lstm-137b")).gate_params == 2 * 512 * 131'072);
  CHECK(moe_layer_counts(catalog_model_card("longcat-flash")).gate_outputs == 768);
}

TEST_CASE("a model without experts has no MoE layer to cost", "[architecture]") {
  CHECK_THROWS_AS(moe_layer_counts(catalog_model_card("llama-2-7b")), InternalError);
}
