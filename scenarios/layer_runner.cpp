#include "scenarios/layer_runner.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "models/exchange/rank_rows.hpp"
#include "models/kernels/kernel_model.hpp"
#include "models/kernels/layer_memory.hpp"
#include "models/kernels/moe_layer.hpp"
#include "models/routing/capacity.hpp"
#include "models/routing/placement.hpp"
#include "models/routing/route_batch.hpp"
#include "scenarios/layer_graph.hpp"

namespace moesim {
namespace {

// Everything about the layer that is known before a token is routed.
struct LayerInput {
  const Scenario& scenario;
  const MoeLayerWorkload& workload;
  RankLayout layout;
  RouterSpec router;
  MoeLayerShape shape;
  WireFormat dispatch;
  WireFormat combine;
};

Device device(const GpuCard& gpu) {
  Device result{.name = gpu.name,
                .peak = {},
                .memory = gpu.hbm_bandwidth,
                .memory_capacity = gpu.hbm_capacity,
                .multiprocessors = gpu.multiprocessors};
  for (const auto& [type_name, rate] : gpu.peak) {
    const std::optional<DataType> type = data_type(type_name);
    MOESIM_CHECK(type.has_value(), "card {} has a peak for {}", gpu.name, type_name);
    result.peak.emplace_back(*type, rate);
  }
  return result;
}

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

LayerInput layer_input(const Scenario& scenario, const MoeLayerWorkload& workload, const Topology& topology) {
  MOESIM_CHECK(scenario.model && scenario.model->moe && scenario.routing, "a layer without a model");
  const MoeFfn& moe = *scenario.model->moe;
  LayerInput input{.scenario = scenario,
                   .workload = workload,
                   .layout = {.ranks = scenario.parallelism.ep, .ranks_per_node = topology.ranks_per_node()},
                   .router = *scenario.routing,
                   .shape = {},
                   .dispatch = {},
                   .combine = {}};
  if (input.router.kind == RoutingKind::node_limited) input.router.groups = input.layout.nodes();
  const std::int64_t width = moe.latent_size.value_or(scenario.model->hidden_size);
  input.shape = {.hidden = width,
                 .expert_width = moe.expert_width,
                 .expert_matrices = moe.matrices,
                 .experts_on_rank = input.router.num_experts / input.layout.ranks,
                 .gate_experts = input.router.num_experts,
                 .top_k = input.router.top_k,
                 .shared_width = moe.shared_experts * moe.shared_width,
                 .compute = scenario.compute.dtype};
  const DispatchSpec& dispatch = scenario.dispatch;
  input.dispatch =
      wire_format(width, dispatch.dispatch_dtype, dispatch_metadata(dispatch.algorithm, input.router.top_k));
  input.combine = wire_format(width, dispatch.combine_dtype, combine_metadata(dispatch.algorithm, input.router.top_k));
  return input;
}

// Slots of one (source rank, expert) buffer where shapes are static.
std::optional<std::int64_t> padded_slots(const LayerInput& input) {
  if (input.scenario.dispatch.padding == Padding::none) return std::nullopt;
  return capacity_slots(input.router, input.workload.tokens_per_rank);
}

// Where shapes are static, an expert computes its whole buffers, filled or not.
std::int64_t rows_of_expert(const LayerInput& input, const RoutedBatch& batch, std::size_t expert) {
  if (const auto slots = padded_slots(input)) return *slots * input.layout.ranks;
  return batch.expert_tokens[expert];
}

struct RankCosts {
  MoeLayerCosts forward;
  MoeLayerCosts backward;
  LayerMemory memory;
};

std::vector<RankCosts> rank_costs(const LayerInput& input, const KernelModel& model, const RoutedBatch& batch,
                                  const std::vector<RankId>& rank_of_expert) {
  std::vector<std::vector<std::int64_t>> tokens_of_rank(static_cast<std::size_t>(input.layout.ranks));
  for (std::size_t expert = 0; expert < rank_of_expert.size(); ++expert) {
    tokens_of_rank[rank_of_expert[expert].index()].push_back(rows_of_expert(input, batch, expert));
  }
  const MemoryOptions memory{.backward = input.workload.direction != Direction::forward,
                             .weight = input.scenario.compute.weights_dtype,
                             .optimizer_bytes_a_weight = input.scenario.compute.optimizer_bytes_per_weight};
  std::vector<RankCosts> costs;
  const std::vector<RankRows> rows = rank_rows(input.scenario.dispatch.algorithm, batch);
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    const MoeRankLoad load{.tokens = rows[rank].tokens,
                           .packed_rows = rows[rank].packed,
                           .received_rows = rows[rank].received,
                           .returned_rows = rows[rank].returned,
                           .dispatch_copy = input.dispatch.bytes_per_copy(),
                           .combine_copy = input.combine.bytes_per_copy(),
                           .expert_tokens = tokens_of_rank[rank]};
    costs.push_back({.forward = moe_layer_costs(model, input.shape, load, LayerPass::forward),
                     .backward = moe_layer_costs(model, input.shape, load, LayerPass::backward),
                     .memory = layer_memory(input.shape, load, memory)});
  }
  return costs;
}

RankKernels rank_kernels(const MoeLayerCosts& costs) {
  const Picoseconds choose = costs.pass == LayerPass::forward ? (costs.gate + costs.top_k).time : Picoseconds{};
  return {.choose = choose,
          .pack = costs.before_exchange().time - choose,
          .shared = costs.shared.time,
          .experts = costs.experts().time,
          .finish = costs.after_exchange().time};
}

std::vector<RankKernels> pass_kernels(const std::vector<RankCosts>& costs, MoeLayerCosts RankCosts::*pass) {
  std::vector<RankKernels> kernels;
  kernels.reserve(costs.size());
  for (const RankCosts& rank : costs) kernels.push_back(rank_kernels(rank.*pass));
  return kernels;
}

double max_over_mean(const std::vector<std::int64_t>& counts) {
  const auto sum = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  if (sum == 0) return 1;
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) * static_cast<double>(counts.size()) /
         sum;
}

LoadResult load_result(const LayerInput& input, const RoutedBatch& batch, const std::vector<RankId>& rank_of_expert) {
  std::vector<std::int64_t> rank_tokens(static_cast<std::size_t>(input.layout.ranks));
  for (std::size_t expert = 0; expert < rank_of_expert.size(); ++expert) {
    rank_tokens[rank_of_expert[expert].index()] += batch.expert_tokens[expert];
  }
  const auto [min, max] = std::minmax_element(batch.expert_tokens.begin(), batch.expert_tokens.end());
  const auto choices = static_cast<double>(batch.tokens) * input.router.top_k;
  return {.expert_max_over_mean = max_over_mean(batch.expert_tokens),
          .rank_max_over_mean = max_over_mean(rank_tokens),
          .dropped_fraction = static_cast<double>(batch.dropped_copies) / choices,
          .retained_gate_mass = batch.retained_gate_mass,
          .min_expert_tokens = *min,
          .max_expert_tokens = *max,
          .max_nodes_per_token = batch.max_nodes_per_token};
}

MemoryResult memory_result(const std::vector<RankCosts>& costs, const Device& gpu, bool backward) {
  const auto fullest = std::max_element(costs.begin(), costs.end(), [](const RankCosts& a, const RankCosts& b) {
    return a.memory.total() < b.memory.total();
  });
  const LayerMemory& memory = fullest->memory;
  MemoryResult result{.weights = memory.weights,
                      .activations = memory.activations,
                      .buffers = memory.buffers,
                      .capacity = gpu.memory_capacity};
  if (backward) {
    result.gradients = memory.gradients;
    result.optimizer = memory.optimizer;
  }
  return result;
}

void add_caveats(const LayerInput& input, const KernelModel& model, RunResult& result) {
  const Scenario& scenario = input.scenario;
  for (Caveat& caveat : moe_layer_caveats(model, input.shape)) result.caveats.push_back(std::move(caveat));
  result.caveats.push_back(
      {"synthetic_router", "Tokens were routed by a synthetic router; loads of a trained one differ."});
  if (scenario.world_size > scenario.parallelism.ep) {
    result.caveats.push_back(
        {"one_group", fmt::format("One expert-parallel group of {} ranks was simulated, of {} in the cluster; the "
                                  "others' traffic on shared switches was not.",
                                  scenario.parallelism.ep, scenario.world_size / scenario.parallelism.ep)});
  }
  if (scenario.model->moe->latent_size) {
    result.caveats.push_back(
        {"latent_projections", "The projections into and out of the experts' latent width are not part of the layer."});
  }
  if (scenario.dispatch.algorithm == ExchangeAlgorithm::low_latency) {
    result.caveats.push_back({"message_cost", "What the sender's software spends on each message is taken as zero."});
  }
}

ExchangePlan exchange(const LayerInput& input, ExchangeDirection direction, const RoutedBatch& batch) {
  ExchangeOptions options{.pipeline_chunks = input.scenario.dispatch.chunks};
  options.padded_slots_per_expert = padded_slots(input);
  return plan_exchange(input.scenario.dispatch.algorithm, direction, batch,
                       direction == ExchangeDirection::dispatch ? input.dispatch : input.combine, options);
}

}  // namespace

void run_moe_layer(const Scenario& scenario, const MoeLayerWorkload& workload, const GpuCard& gpu, Simulator& simulator,
                   ClusterNetwork& network, Timeline* timeline, RunResult& result) {
  const LayerInput input = layer_input(scenario, workload, network.topology());
  const KernelModel model(device(gpu), KernelEfficiencies{});
  const std::vector<RankId> rank_of_expert =
      place_experts(scenario.placement, input.router.num_experts, input.layout.ranks);

  const RoutedBatch batch = route_batch(input.router, input.layout, rank_of_expert, workload.tokens_per_rank,
                                        scenario.seed, scenario.routing_path);
  const ExchangePlan dispatch = exchange(input, ExchangeDirection::dispatch, batch);
  const ExchangePlan combine = exchange(input, ExchangeDirection::combine, batch);
  const std::vector<RankCosts> costs = rank_costs(input, model, batch, rank_of_expert);

  TaskGraph graph(simulator, network.flows());
  LayerGraph layer(graph, network, input.layout.ranks);
  const bool forward = workload.direction != Direction::backward;
  const bool backward = workload.direction != Direction::forward;
  const bool overlap = scenario.compute.overlap_shared_experts;
  if (forward) layer.add_pass(LayerPass::forward, dispatch, combine, pass_kernels(costs, &RankCosts::forward), overlap);
  if (backward) {
    layer.add_pass(LayerPass::backward, dispatch, combine, pass_kernels(costs, &RankCosts::backward), overlap);
  }
  graph.run();

  double flops = 0;
  for (const RankCosts& rank : costs) {
    if (forward) flops += rank.forward.total().flops;
    if (backward) flops += rank.backward.total().flops;
  }
  result.time = graph.makespan();
  result.tokens = batch.tokens;
  result.mfu = flops / (result.time.seconds() * input.layout.ranks *
                        model.device().peak_flops(input.shape.compute).flop_per_s());
  const std::vector<Picoseconds> phases = graph.critical_time_by_phase();
  Picoseconds exposed;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const std::string& name = graph.phase_name(PhaseId{static_cast<std::int64_t>(i)});
    result.breakdown.emplace_back(name, phases[i]);
    if (name.starts_with("dispatch") || name.starts_with("combine")) exposed += phases[i];
  }
  result.exposed_communication = exposed;
  const ExchangeAlgorithm algorithm = scenario.dispatch.algorithm;
  result.dispatch = measure(dispatch, algorithm, batch, input.dispatch, input.router.top_k);
  result.combine = measure(combine, algorithm, batch, input.combine, input.router.top_k);
  result.load = load_result(input, batch, rank_of_expert);
  result.memory = memory_result(costs, model.device(), backward);
  add_caveats(input, model, result);
  if (const auto slack = layer.equal_exchange_slack()) {
    result.caveats.push_back(
        {"equal_exchange",
         fmt::format("Equal messages were not simulated one by one: each exchange takes at most {:.3f} "
                     "us less than said.",
                     slack->us())});
  }
  if (timeline != nullptr) timeline->add_tasks(graph, layer.arrows());
}

}  // namespace moesim
