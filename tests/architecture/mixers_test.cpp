#include "models/architecture/token_mixer.hpp"
#include "tests/catch.hpp"

using namespace moesim;

namespace {

constexpr std::int64_t kHidden = 1000;

GroupedQueryAttention plain() { return {.heads = 8, .kv_heads = 2, .head_dim = 16, .v_head_dim = 16}; }

}  // namespace

TEST_CASE("grouped-query attention, term by term", "[oracle][architecture]") {
  // q and output: 8 * 16 columns; k and v: 2 * 16.
  const std::int64_t base = kHidden * (128 + 32 + 32 + 128);
  CHECK(mixer_params(plain(), kHidden) == base);

  GroupedQueryAttention a = plain();
  a.bias = ProjectionBias::qkv;
  CHECK(mixer_params(a, kHidden) == base + 128 + 32 + 32);
  a.bias = ProjectionBias::qkvo;
  CHECK(mixer_params(a, kHidden) == base + 128 + 32 + 32 + kHidden);

  a = plain();
  a.qk_norm = QkNorm::per_head;
  CHECK(mixer_params(a, kHidden) == base + 2 * 16);
  a.qk_norm = QkNorm::full;
  CHECK(mixer_params(a, kHidden) == base + 128 + 32);

  a = plain();
  a.output_gate = OutputGate::element;
  CHECK(mixer_params(a, kHidden) == base + kHidden * 128);
  a.output_gate = OutputGate::head;
  CHECK(mixer_params(a, kHidden) == base + kHidden * 8);

  a = plain();
  a.sinks = true;
  CHECK(mixer_params(a, kHidden) == base + 8);
  a = plain();
  a.shares_kv = true;
  CHECK(mixer_params(a, kHidden) == base - kHidden * 64);
  a = plain();
  a.key_is_value = true;
  CHECK(mixer_params(a, kHidden) == base - kHidden * 32);
  a = plain();
  a.v_head_dim = 10;
  CHECK(mixer_params(a, kHidden) == kHidden * (128 + 32 + 20 + 80));
}

TEST_CASE("which attention leaves what in the cache", "[oracle][architecture]") {
  CHECK(kv_elements(plain()).global == 2 * 2 * 16);
  GroupedQueryAttention a = plain();
  a.sliding_window = 64;
  CHECK(kv_elements(a).global == 0);
  CHECK(kv_elements(a).window == 64);
  a = plain();
  a.cross = true;
  CHECK(kv_elements(a).global == 0);
  a = plain();
  a.shares_kv = true;
  CHECK(kv_elements(a).global == 0);

  LatentAttention mla{.heads = 128,
                      .q_lora_rank = 1536,
                      .kv_lora_rank = 512,
                      .qk_nope_head_dim = 128,
                      .qk_rope_head_dim = 64,
                      .v_head_dim = 128};
  CHECK(kv_elements(mla).global == 576);
  mla.indexer = Indexer{.heads = 64, .head_dim = 128, .top_k = 2048};
  CHECK(kv_elements(mla).global == 576 + 128);
  mla.indexer->shared = true;
  CHECK(kv_elements(mla).global == 576);
}

TEST_CASE("the indexer of DeepSeek-V3.2 has 13.96M parameters a layer", "[oracle][architecture]") {
  LatentAttention mla{.heads = 128,
                      .q_lora_rank = 1536,
                      .kv_lora_rank = 512,
                      .qk_nope_head_dim = 128,
                      .qk_rope_head_dim = 64,
                      .v_head_dim = 128};
  const std::int64_t without = mixer_params(mla, 7168);
  mla.indexer = Indexer{.heads = 64, .head_dim = 128, .top_k = 2048};
  // 1536 * 64 * 128 + 7168 * 128 + 2 * 128 + 7168 * 64
  CHECK(mixer_params(mla, 7168) - without == 13'959'424);
  mla.indexer->shared = true;
  CHECK(mixer_params(mla, 7168) == without);
}

TEST_CASE("average keys of a window", "[oracle][architecture]") {
  // Position i of s sees min(i, w) keys: the mean is s / 2 up to w, then w - w^2 / (2 s).
  GroupedQueryAttention a = plain();
  a.sliding_window = 100;
  const double per_key = 2.0 * 8 * 32;
  CHECK(mixing_flops_per_token(a, kHidden, 80, Stack::decoder) == per_key * 40);
  CHECK(mixing_flops_per_token(a, kHidden, 100, Stack::decoder) == per_key * 50);
  CHECK(mixing_flops_per_token(a, kHidden, 1000, Stack::decoder) == per_key * 95);
  CHECK(mixing_flops_per_token(a, kHidden, 1000, Stack::encoder) == per_key * 100);
  CHECK(mixing_flops_per_token(plain(), kHidden, 1000, Stack::encoder) == per_key * 1000);
  // The sum over positions 0 .. s - 1 is a slow reference for the mean, up to the half token of the integral.
  double sum = 0;
  for (int i = 0; i < 1000; ++i) sum += std::min(i, 100);
  CHECK_THAT(mixing_flops_per_token(a, kHidden, 1000, Stack::decoder) / per_key, WithinAbs(sum / 1000, 0.5));
}

TEST_CASE("sparse attention costs its indexer and its kept keys", "[oracle][architecture]") {
  LatentAttention mla{.heads = 4,
                      .q_lora_rank = 8,
                      .kv_lora_rank = 32,
                      .qk_nope_head_dim = 6,
                      .qk_rope_head_dim = 2,
                      .v_head_dim = 8,
                      .output_gate = OutputGate::none,
                      .sinks = false,
                      .indexer = Indexer{.heads = 3, .head_dim = 5, .top_k = 10}};
  const double scores = 2.0 * 3 * 5 * 500;              // Every earlier key, 500 on average.
  const double attended = 10 - 10.0 * 10 / (2 * 1000);  // Mean of min(i, 10).
  CHECK_THAT(mixing_flops_per_token(mla, kHidden, 1000, Stack::decoder),
             WithinRel(scores + 2.0 * 4 * (8 + 8) * attended, 1e-12));
  mla.indexer->shared = true;
  CHECK_THAT(mixing_flops_per_token(mla, kHidden, 1000, Stack::decoder), WithinRel(2.0 * 4 * 16 * attended, 1e-12));
}

TEST_CASE("recurrent mixers cost the same at any context and keep no cache", "[property][architecture]") {
  const TokenMixer mixers[] = {
      GatedDeltaNet{.key_heads = 16, .value_heads = 32, .key_head_dim = 128, .value_head_dim = 128, .conv_kernel = 4},
      KimiDeltaAttention{.heads = 32, .head_dim = 128, .conv_kernel = 4},
      Mamba1{.expand = 2, .state_size = 16, .conv_kernel = 4, .dt_rank = 64},
      Mamba2{.heads = 64, .head_dim = 64, .state_size = 128, .groups = 8, .conv_kernel = 4},
      LightningAttention{.heads = 64, .head_dim = 128},
      Lstm{.units = 512},
  };
  for (const TokenMixer& mixer : mixers) {
    CAPTURE(kind_name(mixer));
    CHECK(mixing_flops_per_token(mixer, kHidden, 16, Stack::decoder) ==
          mixing_flops_per_token(mixer, kHidden, 1 << 20, Stack::decoder));
    CHECK(kv_elements(mixer).global == 0);
    CHECK(kv_elements(mixer).window == 0);
    CHECK(state_elements(mixer, kHidden) > 0);
    CHECK(mixer_params(mixer, 2 * kHidden) > mixer_params(mixer, kHidden));
  }
}
