#include "models/schedule/serving_modules.hpp"

#include "tests/catch.hpp"

namespace moesim {
namespace {

TEST_CASE("prompts behind one another are cut where a pass begins and ends", "[oracle][schedule]") {
  // Prompts of 10 after 3: [4, 25) is the rest of the first, the whole second, half of the third.
  const std::vector<ServedSequences> parts = prompt_parts(4, 25, 10, 3);
  CHECK(parts == std::vector<ServedSequences>{{1, 6, 7}, {1, 10, 3}, {1, 5, 3}});
  CHECK(prompt_parts(0, 30, 10, 0) == std::vector<ServedSequences>{{3, 10, 0}});
  CHECK(prompt_parts(5, 5, 10, 0).empty());
}

TEST_CASE("passes over prompts compute every token once, whatever the cuts", "[property][schedule]") {
  for (const std::int64_t length : {1, 7, 64}) {
    for (const std::int64_t step : {1, 5, 64, 200}) {
      double pairs = 0;
      std::int64_t tokens = 0;
      for (std::int64_t at = 0; at < 3 * length; at += step) {
        const ServedBatch batch{.phase = AttentionPhase::prefill,
                                .parts = prompt_parts(at, std::min(at + step, 3 * length), length, 11),
                                .tp = 1};
        tokens += batch.tokens();
        for (const ServedSequences& one : batch.parts) {
          pairs += static_cast<double>(one.sequences) * causal_pairs(one.new_tokens, one.cached);
        }
      }
      CHECK(tokens == 3 * length);
      CHECK(pairs == Approx(3 * causal_pairs(length, 11)));
    }
  }
}

TEST_CASE("a decode reads the latent, a prefill builds keys of all that is cached", "[schedule]") {
  const KernelModel model({.name = "test",
                           .peak = {{DataType::bf16, FlopRate::tflop_per_s(1000)}},
                           .memory = Bandwidth::gbyte_per_s(3000),
                           .memory_capacity = {80'000'000'000},
                           .l2_cache = {50 << 20},
                           .multiprocessors = 132},
                          KernelEfficiencies{});
  const LatentAttention latent{
      .heads = 16, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim = 128};
  const auto names = [&](AttentionPhase phase, const ServedSequences& part) {
    const ServingPricer pricer(model, 2048, {.phase = phase, .parts = {part}, .tp = 1}, {});
    return pricer.mixer(latent, Stack::decoder);
  };
  const auto find = [](const KernelList& kernels, std::string_view name) -> const KernelCost* {
    for (const auto& [each, cost] : kernels) {
      if (each == name) return &cost;
    }
    return nullptr;
  };
  const ServedMixer decode = names(AttentionPhase::decode, {4, 1, 1000});
  CHECK(find(decode.before, "absorb_keys")->flops == 2.0 * 4 * 16 * 128 * 512);
  CHECK(find(decode.core, "absorb_values")->flops == 2.0 * 4 * 16 * 128 * 512);
  CHECK(find(decode.before, "kv_up") == nullptr);
  const ServedMixer prefill = names(AttentionPhase::prefill, {4, 24, 1000});
  CHECK(find(prefill.before, "kv_up")->flops == 2.0 * 4 * 1024 * 16 * (128 + 128) * 512);
  CHECK(find(prefill.before, "absorb_keys") == nullptr);
}

}  // namespace
}  // namespace moesim
