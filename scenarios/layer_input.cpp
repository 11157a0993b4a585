#include "scenarios/layer_input.hpp"

#include "models/routing/capacity.hpp"

namespace moesim {
namespace {

// What travels beside a copy: DeepEP's own where the algorithm is one of its kernels; library collectives send the
// indices in an exchange of their own, which is small and left out (docs/models/exchange.md).
Bytes dispatch_metadata(ExchangeAlgorithm algorithm, int top_k) {
  if (algorithm == ExchangeAlgorithm::low_latency) return low_latency_dispatch_metadata();
  return algorithm == ExchangeAlgorithm::two_hop || algorithm == ExchangeAlgorithm::rank_dedup
             ? normal_dispatch_metadata(top_k)
             : Bytes{0};
}

Bytes combine_metadata(ExchangeAlgorithm algorithm, int top_k) {
  return algorithm == ExchangeAlgorithm::two_hop || algorithm == ExchangeAlgorithm::rank_dedup
             ? normal_combine_metadata(top_k)
             : Bytes{0};
}

// Experts and k are the scenario's, which may have chosen another router than the card's.
MoeLayerShape layer_shape(const Scenario& scenario, const RouterSpec& router) {
  const MoeFfn& moe = *scenario.model->moe;
  return {.hidden = scenario.model->hidden_size,
          .expert_width = moe.expert_width,
          .expert_matrices = moe.matrices,
          .experts_on_rank = (router.num_experts + scenario.placement.spec.redundant_experts) / scenario.parallelism.ep,
          .gate_experts = router.num_experts + static_cast<int>(moe.extra_gate_outputs),
          .gate_matrices = router.kind == RoutingKind::noisy_top_k ? 2 : 1,
          .top_k = router.top_k,
          .shared_width = moe.shared_experts * moe.shared_width,
          .compute = scenario.compute.dtype,
          .latent_width = moe.latent_size.value_or(0)};
}

}  // namespace

Device device(const GpuCard& gpu) {
  Device result{.name = gpu.name,
                .peak = {},
                .memory = gpu.hbm_bandwidth,
                .memory_capacity = gpu.hbm_capacity,
                .l2_cache = gpu.l2_cache,
                .multiprocessors = gpu.multiprocessors};
  for (const auto& [type_name, rate] : gpu.peak) {
    const std::optional<DataType> type = data_type(type_name);
    MOESIM_CHECK(type.has_value(), "card {} has a peak for {}", gpu.name, type_name);
    result.peak.emplace_back(*type, rate);
  }
  return result;
}

LayerInput layer_input(const Scenario& scenario, const MoeLayerWorkload& workload, const Topology& topology) {
  MOESIM_CHECK(scenario.model && scenario.model->moe && scenario.routing, "a layer without a model");
  LayerInput input{.scenario = scenario,
                   .workload = workload,
                   .layout = {.ranks = scenario.parallelism.ep, .ranks_per_node = topology.ranks_per_node()},
                   .router = *scenario.routing,
                   .shape = layer_shape(scenario, *scenario.routing),
                   .dispatch = {},
                   .combine = {}};
  if (input.router.kind == RoutingKind::node_limited) input.router.groups = input.layout.nodes();
  const DispatchSpec& dispatch = scenario.dispatch;
  const int top_k = input.router.top_k;
  const std::int64_t width = input.shape.copy_width();
  input.dispatch = wire_format(width, dispatch.dispatch_dtype, dispatch_metadata(dispatch.algorithm, top_k));
  input.combine = wire_format(width, dispatch.combine_dtype, combine_metadata(dispatch.algorithm, top_k));
  return input;
}

std::optional<std::int64_t> padded_slots(const LayerInput& input) {
  if (input.scenario.dispatch.padding == Padding::none) return std::nullopt;
  return capacity_slots(input.router, input.workload.tokens_per_rank);
}

std::optional<int> nodes_kept(const LayerInput& input) {
  if (input.router.kind != RoutingKind::node_limited) return std::nullopt;
  return input.router.groups_kept;
}

ExchangePlan exchange_plan(const LayerInput& input, ExchangeDirection direction, const RoutedBatch& batch) {
  const DispatchSpec& dispatch = input.scenario.dispatch;
  ExchangeOptions options{.message_overhead = dispatch.message_overhead, .pipeline_chunks = dispatch.chunks};
  options.padded_slots_per_expert = padded_slots(input);
  if (dispatch.library) apply_library(*dispatch.library, direction, dispatch.multiprocessors, options);
  return plan_exchange(dispatch.algorithm, direction, batch,
                       direction == ExchangeDirection::dispatch ? input.dispatch : input.combine, options);
}

}  // namespace moesim
