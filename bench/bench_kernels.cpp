// Cost of asking what the kernels of one MoE layer take on one rank: one item is one pass of the layer, from the rows
// of each expert to the time of every kernel, as the simulator asks it.
#include <cstdint>
#include <numeric>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/kernels/moe_layer.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/layer_input.hpp"
#include "sim/rng.hpp"

namespace {

using namespace moesim;

// DeepSeek-V3's layer (arXiv:2412.19437) on H200, as many of its experts on the rank as the argument says.
void moe_layer(benchmark::State& state, DataType type, LayerPass pass) {
  const KernelModel model = KernelModel::calibrated(device(catalog_gpu_card("h200")), catalog_kernel_profile("h200"));
  const MoeLayerShape shape{.hidden = 7168,
                            .expert_width = 2048,
                            .experts_on_rank = static_cast<int>(state.range(0)),
                            .gate_experts = 256,
                            .top_k = 8,
                            .shared_width = 2048,
                            .compute = type};
  Rng rng(1, 0);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(state.range(0)));
  for (std::int64_t& r : rows) r = rng.below(256);
  const std::int64_t sum = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  const MoeRankLoad load{.tokens = 4096,
                         .packed_rows = 4096 * 8,
                         .received_rows = sum,
                         .returned_rows = 4096 * 8,
                         .dispatch_copy = Bytes{7168},
                         .combine_copy = Bytes{2 * 7168},
                         .expert_tokens = rows};
  for (auto _ : state) {
    benchmark::DoNotOptimize(rows.data());
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(moe_layer_costs(model, shape, load, pass).total().time.count);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(moe_layer, bf16, DataType::bf16, LayerPass::forward)
    ->Arg(32)
    ->Arg(256)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(moe_layer, fp8, DataType::fp8, LayerPass::forward)->Arg(32)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(moe_layer, fp8_backward, DataType::fp8, LayerPass::backward)->Arg(256)->Unit(benchmark::kMicrosecond);

}  // namespace
