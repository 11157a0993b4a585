// Cost of asking what one rank's experts take: one item is one MoE layer, from the rows of each expert to the times of
// both grouped products with the constants that were fitted on H200.
#include <cstdint>
#include <numeric>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/kernels/expert_model.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/layer_input.hpp"
#include "sim/rng.hpp"

namespace {

using namespace moesim;

// DeepSeek-V3's experts (arXiv:2412.19437), as many of them on the rank as the argument says.
void moe_layer(benchmark::State& state, DataType type, std::string_view precision) {
  const KernelFit fit = *catalog_kernel_profile("h200").find("experts", precision);
  const auto constants = typed_constants(fit, expert_constants());
  const ExpertTiling tiling = expert_tiling(fit.library);
  const Device gpu = device(catalog_gpu_card("h200"));
  const auto experts = state.range(0);
  ExpertProduct up{.columns = 2 * 2048,
                   .depth = 7168,
                   .weight_bytes = bytes_per_element(type),
                   .peak = gpu.peak_flops(type),
                   .block_scales = type == DataType::fp8};
  ExpertProduct down = up;
  down.columns = 7168;
  down.depth = 2048;
  Rng rng(1, 0);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(experts));
  for (std::int64_t& r : rows) r = rng.below(256);
  const std::int64_t sum = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  for (auto _ : state) {
    benchmark::DoNotOptimize(rows.data());
    benchmark::ClobberMemory();
    const ExpertLoad load = expert_load(rows);
    const ExpertLoad even = even_load(sum, experts);
    benchmark::DoNotOptimize(expert_product_time(constants, tiling, gpu, up, load, even).us +
                             expert_product_time(constants, tiling, gpu, down, load, even).us);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(moe_layer, bf16, DataType::bf16, "bf16")->Arg(32)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(moe_layer, fp8_block, DataType::fp8, "fp8_block")->Arg(32)->Arg(256)->Unit(benchmark::kMicrosecond);

}  // namespace
