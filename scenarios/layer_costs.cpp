#include "scenarios/layer_costs.hpp"

#include <algorithm>
#include <numeric>

#include "models/exchange/rank_rows.hpp"
#include "models/kernels/contention.hpp"
#include "scenarios/placed_routing.hpp"

namespace moesim {
namespace {

// Where shapes are static, an expert computes its whole buffers, filled or not.
std::int64_t rows_of_slot(const LayerInput& input, const RoutedBatch& batch, int slot) {
  if (const auto slots = padded_slots(input)) return *slots * input.layout.ranks;
  return batch.slot_tokens[static_cast<std::size_t>(slot)];
}

}  // namespace

const MoeRankLoad& RankLoads::most() const {
  const auto rows = [](const MoeRankLoad& load) {
    return std::accumulate(load.expert_tokens.begin(), load.expert_tokens.end(), std::int64_t{0});
  };
  return *std::max_element(loads.begin(), loads.end(),
                           [&](const MoeRankLoad& a, const MoeRankLoad& b) { return rows(a) < rows(b); });
}

RankLoads rank_loads(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement) {
  RankLoads result;
  result.expert_tokens.resize(static_cast<std::size_t>(input.layout.ranks));
  for (int slot = 0; slot < placement.slots(); ++slot) {
    result.expert_tokens[placement.rank_of(slot).index()].push_back(rows_of_slot(input, batch, slot));
  }
  const std::vector<RankRows> rows = rank_rows(input.scenario.dispatch.algorithm, batch, padded_slots(input));
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    result.loads.push_back({.tokens = rows[rank].tokens / input.shape.parts,
                            .skipped = batch.skipped_of(static_cast<int>(rank)),
                            .packed_rows = rows[rank].packed,
                            .received_rows = rows[rank].received,
                            .returned_rows = rows[rank].returned,
                            .dispatch_copy = input.dispatch.bytes_per_copy(),
                            .combine_copy = input.combine.bytes_per_copy(),
                            .expert_tokens = result.expert_tokens[rank]});
  }
  return result;
}

KernelModel kernel_model(const Scenario& scenario, const Device& gpu) {
  const Fp8Scaling scaling = scenario.compute.fp8_scaling;
  if (scenario.compute.profile) return KernelModel::calibrated(gpu, *scenario.compute.profile, scaling);
  return {gpu, KernelEfficiencies{}, scaling};
}

int multiprocessors_lent(const LayerInput& input) {
  const bool alone = !input.scenario.compute.overlap_shared_experts || input.layout.ranks == 1;
  return alone || input.shape.shared_width == 0 ? 0 : input.scenario.dispatch.multiprocessors;
}

Device beside_exchange(const Scenario& scenario, const RankLayout& group, const Device& gpu) {
  if (scenario.dispatch.multiprocessors == 0) return gpu;
  const ClusterCard& cluster = scenario.cluster;
  const Bandwidth link = group.nodes() > 1 ? cluster.scale_out_efficiency * cluster.nic_bandwidth
                                           : cluster.scale_up_efficiency * scenario.gpu.scale_up_bandwidth;
  return beside(gpu, {scenario.dispatch.multiprocessors, 2.0 * link});
}

Device device_of_shared(const LayerInput& input, const Device& gpu) {
  return multiprocessors_lent(input) == 0 ? gpu : beside_exchange(input.scenario, input.layout, gpu);
}

std::vector<RankCosts> rank_costs(const LayerInput& input, const KernelModel& model, const RankLoads& loads) {
  const MemoryOptions memory{.backward = input.workload.direction != Direction::forward,
                             .weight = input.scenario.compute.weights_dtype,
                             .kept = input.scenario.compute.kept_dtype,
                             .optimizer_bytes_a_weight = input.scenario.compute.optimizer_bytes_per_weight};
  // Of the whole device: `model` may be of what an exchange leaves of it already.
  const KernelModel shared = kernel_model(input.scenario, device_of_shared(input, device(input.scenario.gpu)));
  const auto unless = [&](Direction other, const MoeRankLoad& load, LayerPass pass) {
    if (input.workload.direction == other) return MoeLayerCosts{};
    return moe_layer_costs(model, input.shape, load, pass, &shared);
  };
  std::vector<RankCosts> costs;
  for (const MoeRankLoad& load : loads.loads) {
    costs.push_back({.forward = unless(Direction::backward, load, LayerPass::forward),
                     .backward = unless(Direction::forward, load, LayerPass::backward),
                     .memory = layer_memory(input.shape, load, memory)});
    if (input.layout.ranks == 1) costs.back().memory.buffers = {};  // Nothing is sent.
  }
  return costs;
}

LoadResult load_result(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement) {
  const auto [min, max] = std::minmax_element(batch.expert_tokens.begin(), batch.expert_tokens.end());
  const auto choices = static_cast<double>(batch.tokens) * input.router.top_k;
  const std::vector<double> loads(batch.expert_tokens.begin(), batch.expert_tokens.end());
  const std::optional<Capacity>& capacity = input.router.capacity;
  std::optional<double> rerouted;
  if (capacity && capacity->overflow != Capacity::Overflow::drop) {
    rerouted = static_cast<double>(batch.rerouted_copies) / choices;
  }
  std::optional<double> skipped;
  if (input.router.mixture_of_depths) {
    const auto tokens = static_cast<double>(tokens_of(input, batch));
    skipped = 1 - static_cast<double>(batch.tokens) / input.shape.parts / tokens;
  }
  return {.expert_max_over_mean = max_over_mean(loads),
          .rank_max_over_mean = max_over_mean(rank_tokens(placement, batch)),
          .dropped_fraction = static_cast<double>(batch.dropped_copies) / choices,
          .retained_gate_mass = batch.retained_gate_mass,
          .min_expert_tokens = *min,
          .max_expert_tokens = *max,
          .max_nodes_per_token = batch.max_nodes_per_token,
          .rerouted_fraction = rerouted,
          .skipped_fraction = skipped};
}

}  // namespace moesim
