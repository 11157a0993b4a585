#include "scenarios/layer_runner.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "models/exchange/rank_rows.hpp"
#include "models/kernels/contention.hpp"
#include "models/kernels/kernel_model.hpp"
#include "models/kernels/layer_memory.hpp"
#include "scenarios/layer_graph.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/placed_routing.hpp"
#include "topologies/faulty_topology.hpp"

namespace moesim {
namespace {

// Where shapes are static, an expert computes its whole buffers, filled or not.
std::int64_t rows_of_slot(const LayerInput& input, const RoutedBatch& batch, int slot) {
  if (const auto slots = padded_slots(input)) return *slots * input.layout.ranks;
  return batch.slot_tokens[static_cast<std::size_t>(slot)];
}

// Of the passes that run.
struct RankCosts {
  MoeLayerCosts forward;
  MoeLayerCosts backward;
  LayerMemory memory;
};

// What every rank has to do. `load` refers to the lists beside it.
struct RankLoads {
  std::vector<std::vector<std::int64_t>> expert_tokens;
  std::vector<MoeRankLoad> loads;

  const MoeRankLoad& most() const {  // The first with the most rows.
    const auto rows = [](const MoeRankLoad& load) {
      return std::accumulate(load.expert_tokens.begin(), load.expert_tokens.end(), std::int64_t{0});
    };
    return *std::max_element(loads.begin(), loads.end(),
                             [&](const MoeRankLoad& a, const MoeRankLoad& b) { return rows(a) < rows(b); });
  }
};

RankLoads rank_loads(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement) {
  RankLoads result;
  result.expert_tokens.resize(static_cast<std::size_t>(input.layout.ranks));
  for (int slot = 0; slot < placement.slots(); ++slot) {
    result.expert_tokens[placement.rank_of(slot).index()].push_back(rows_of_slot(input, batch, slot));
  }
  const std::vector<RankRows> rows = rank_rows(input.scenario.dispatch.algorithm, batch, padded_slots(input));
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    result.loads.push_back({.tokens = rows[rank].tokens,
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
  if (scenario.compute.profile) return KernelModel::calibrated(gpu, *scenario.compute.profile);
  return {gpu, KernelEfficiencies{}};
}

// What the exchange's kernels hold while shared experts run; 0 where these run alone, or are none.
int multiprocessors_lent(const LayerInput& input) {
  const bool alone = !input.scenario.compute.overlap_shared_experts || input.layout.ranks == 1;
  return alone || input.shape.shared_width == 0 ? 0 : input.scenario.dispatch.multiprocessors;
}

// The device as shared experts see it that run during the dispatch: its kernels hold multiprocessors, and its copies
// pass through the memory at the rate of the links, once in and once out. The whole device where they run alone.
Device device_of_shared(const LayerInput& input, const Device& gpu) {
  const int lent = multiprocessors_lent(input);
  if (lent == 0) return gpu;
  const Scenario& scenario = input.scenario;
  const ClusterCard& cluster = scenario.cluster;
  const bool out = input.layout.ranks > input.layout.ranks_per_node;
  const Bandwidth link = out ? cluster.scale_out_efficiency * cluster.nic_bandwidth
                             : cluster.scale_up_efficiency * scenario.gpu.scale_up_bandwidth;
  return beside(gpu, {lent, 2.0 * link});
}

std::vector<RankCosts> rank_costs(const LayerInput& input, const KernelModel& model, const RankLoads& loads) {
  const MemoryOptions memory{.backward = input.workload.direction != Direction::forward,
                             .weight = input.scenario.compute.weights_dtype,
                             .optimizer_bytes_a_weight = input.scenario.compute.optimizer_bytes_per_weight};
  const KernelModel shared = kernel_model(input.scenario, device_of_shared(input, model.device()));
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

// A time on a GPU of which this part of its speed is left.
Picoseconds at_speed(double speed, Picoseconds time) {
  return speed == 1 ? time : Picoseconds::from_seconds(time.seconds() / speed);
}

// What was measured of the fits behind the products, in words.
std::vector<std::string> fit_texts(const KernelModel& model, const MoeLayerShape& shape) {
  std::vector<std::string> texts;
  for (const KernelFit* fit : {model.expert_fit(shape.compute), model.gemm_fit(shape.compute),
                               shape.gate == shape.compute ? nullptr : model.gemm_fit(shape.gate)}) {
    if (fit == nullptr) continue;
    std::string text = fmt::format("{} {} of {}", fit->family, fit->precision, fit->library);
    const bool own = model.profile()->gpu == model.device().name;  // Errors are those on the profile's GPU.
    if (own && fit->record && fit->record->rows_held_out > 0) {
      text += fmt::format(", {:.1f} % off on shapes that were not fitted", 100 * fit->record->error_held_out);
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

// Kernel by kernel, of the rank that computes longest, beside the roofline's times.
KernelResults kernel_results(const LayerInput& input, const KernelModel& model, const std::vector<RankCosts>& costs,
                             const RankLoads& loads, const std::vector<double>& speeds) {
  const bool forward = input.workload.direction != Direction::backward;
  const bool backward = input.workload.direction != Direction::forward;
  const auto total = [&](const RankCosts& rank) {
    const auto number = static_cast<std::size_t>(&rank - costs.data());
    return at_speed(speeds[number], rank.forward.total().time + rank.backward.total().time);
  };
  const auto longest = std::max_element(costs.begin(), costs.end(),
                                        [&](const RankCosts& a, const RankCosts& b) { return total(a) < total(b); });
  const auto rank = static_cast<std::size_t>(longest - costs.begin());
  KernelResults results{.rank = static_cast<int>(rank),
                        .kernels = {},
                        .fits = fit_texts(model, input.shape),
                        .multiprocessors_lent = multiprocessors_lent(input)};
  const KernelModel roofline(model.device(), KernelEfficiencies{});
  const KernelModel shared(device_of_shared(input, model.device()), KernelEfficiencies{});
  const auto add = [&](const MoeLayerCosts& pass, std::string_view suffix) {
    const auto plain = kernels_by_name(moe_layer_costs(roofline, input.shape, loads.loads[rank], pass.pass, &shared));
    const auto kernels = kernels_by_name(pass);
    MOESIM_CHECK(plain.size() == kernels.size(), "{} kernels, {} without a profile", kernels.size(), plain.size());
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      results.kernels.push_back({.name = std::string(kernels[i].first) + std::string(suffix),
                                 .time = at_speed(speeds[rank], kernels[i].second.time),
                                 .uncalibrated = at_speed(speeds[rank], plain[i].second.time),
                                 .bound = std::string(name(kernels[i].second.bound))});
    }
  };
  if (forward) add(longest->forward, "");
  if (backward) add(longest->backward, " backward");
  return results;
}

RankKernels rank_kernels(const MoeLayerCosts& costs, double speed) {
  const auto slowed = [&](Picoseconds time) { return at_speed(speed, time); };
  const Picoseconds choose = costs.pass == LayerPass::forward ? (costs.gate + costs.top_k).time : Picoseconds{};
  return {.choose = slowed(choose),
          .pack = slowed(costs.before_exchange().time - choose),
          .shared = slowed(costs.shared.time),
          .experts = slowed(costs.experts().time),
          .finish = slowed(costs.after_exchange().time)};
}

std::vector<RankKernels> pass_kernels(const std::vector<RankCosts>& costs, MoeLayerCosts RankCosts::*pass,
                                      const std::vector<double>& speeds) {
  std::vector<RankKernels> kernels;
  kernels.reserve(costs.size());
  for (std::size_t rank = 0; rank < costs.size(); ++rank) {
    kernels.push_back(rank_kernels(costs[rank].*pass, speeds[rank]));
  }
  return kernels;
}

LoadResult load_result(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement) {
  const auto [min, max] = std::minmax_element(batch.expert_tokens.begin(), batch.expert_tokens.end());
  const auto choices = static_cast<double>(batch.tokens) * input.router.top_k;
  const std::vector<double> loads(batch.expert_tokens.begin(), batch.expert_tokens.end());
  return {.expert_max_over_mean = max_over_mean(loads),
          .rank_max_over_mean = max_over_mean(rank_tokens(placement, batch)),
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

void add_caveats(const LayerInput& input, const KernelModel& model, const RankLoads& loads, RunResult& result) {
  const Scenario& scenario = input.scenario;
  for (Caveat& caveat : moe_layer_caveats(model, input.shape, loads.most()))
    result.caveats.push_back(std::move(caveat));
  if (model.profile() && input.workload.direction != Direction::forward) {
    result.caveats.push_back({"extrapolated",
                              "Weight gradients were not measured: they are a roofline at the fractions "
                              "of the products that were."});
  }
  add_router_caveat(input.router, result);
  if (scenario.world_size > scenario.parallelism.ep) {
    result.caveats.push_back(
        {"one_group", fmt::format("The expert-parallel group on the first {} of the cluster's {} ranks was simulated; "
                                  "what other ranks would send over shared switches was not.",
                                  scenario.parallelism.ep, scenario.world_size)});
  }
  if (scenario.model->moe->latent_size) {
    result.caveats.push_back(
        {"latent_projections", "The projections into and out of the experts' latent width are not part of the layer."});
  }
  // Scored shared experts are computed; what else is scored stands for experts that do nothing.
  const MoeFfn& moe = *scenario.model->moe;
  if (moe.extra_gate_outputs > 0 && moe.extra_gate_outputs != moe.shared_experts) {
    result.caveats.push_back(
        {"identity_experts", fmt::format("The gate also scores {} identity experts, which compute nothing; here every "
                                         "choice falls on one of the {} real experts, so this is the most work.",
                                         moe.extra_gate_outputs, input.router.num_experts)});
  }
  if (scenario.dispatch.message_overhead == Picoseconds{} && !scenario.dispatch.library && input.layout.ranks > 1) {
    result.caveats.push_back({"message_cost",
                              "What the sender's software spends on each message is taken as zero; set "
                              "dispatch.message_overhead_us or dispatch.library."});
  }
}

// What the model needs, whatever the buffers hold beside it.
double useful_flops(const LayerInput& input, const RoutedBatch& batch, LayerPass pass) {
  // Every rank has the gate and the shared experts for its own tokens alone, so that the sum over ranks is one layer.
  const std::int64_t rows = std::accumulate(batch.expert_tokens.begin(), batch.expert_tokens.end(), std::int64_t{0});
  return useful_flops(input.shape, batch.tokens, rows, pass);
}

}  // namespace

void run_moe_layer(const Scenario& scenario, const MoeLayerWorkload& workload, const LayerLoad& load,
                   Simulator& simulator, ClusterNetwork& network, Timeline* timeline, RunResult& result) {
  const LayerInput input = layer_input(scenario, workload, network.topology());
  const KernelModel model = kernel_model(scenario, device(scenario.gpu));
  const PlacedRouting routing = route_placed(input, load);
  const RoutedBatch& batch = routing.batch;
  const ExchangePlan dispatch = exchange_plan(input, ExchangeDirection::dispatch, batch);
  const ExchangePlan combine = exchange_plan(input, ExchangeDirection::combine, batch);
  const RankLoads loads = rank_loads(input, batch, routing.placement);
  const std::vector<RankCosts> costs = rank_costs(input, model, loads);

  TaskGraph graph(simulator, network.flows());
  LayerGraph layer(graph, network, input.layout.ranks);
  const bool forward = workload.direction != Direction::backward;
  const bool backward = workload.direction != Direction::forward;
  const bool overlap = scenario.compute.overlap_shared_experts;
  const std::vector<double> speeds = gpu_speeds(network.topology(), scenario.cluster.faults);
  if (forward) {
    layer.add_pass(LayerPass::forward, dispatch, combine, pass_kernels(costs, &RankCosts::forward, speeds), overlap);
  }
  if (backward) {
    layer.add_pass(LayerPass::backward, dispatch, combine, pass_kernels(costs, &RankCosts::backward, speeds), overlap);
  }
  graph.run();

  double flops = 0;
  if (forward) flops += useful_flops(input, batch, LayerPass::forward);
  if (backward) flops += useful_flops(input, batch, LayerPass::backward);
  result.time = graph.makespan();
  result.tokens = batch.tokens;
  result.mfu = flops / (result.time.seconds() * input.layout.ranks *
                        model.device().peak_flops(input.shape.compute).flop_per_s());
  const std::vector<Picoseconds> phases = graph.critical_time_by_phase();
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const std::string& name = graph.phase_name(PhaseId{static_cast<std::int64_t>(i)});
    result.breakdown.emplace_back(name, phases[i]);
  }
  result.exposed_communication = layer.exposed_communication();
  const ExchangeAlgorithm algorithm = scenario.dispatch.algorithm;
  result.dispatch = measure(dispatch, algorithm, batch, input.dispatch, input.router.top_k, nodes_kept(input));
  result.combine = measure(combine, algorithm, batch, input.combine, input.router.top_k, nodes_kept(input));
  result.load = load_result(input, batch, routing.placement);
  result.placement = routing.result;
  result.memory = memory_result(costs, model.device(), backward);
  result.kernels = kernel_results(input, model, costs, loads, speeds);
  add_caveats(input, model, loads, result);
  add_placement_caveats(scenario.placement, result);
  if (const auto slack = layer.equal_exchange_slack()) {
    result.caveats.push_back(
        {"equal_exchange",
         fmt::format("Equal messages were not simulated one by one: each exchange takes at most {:.3f} "
                     "us less than said. In a trace such an exchange has no link lanes.",
                     slack->us())});
  }
  if (timeline != nullptr) timeline->add_tasks(graph, layer.arrows());
}

}  // namespace moesim
