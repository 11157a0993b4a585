#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/exchange/exchange_plan.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving_result.hpp"
#include "sim/units.hpp"

namespace moesim {

// How evenly the work lies. Balance is max over mean: 1 is even.
struct LoadResult {
  double expert_max_over_mean = 1;  // Copies that one expert computes.
  double rank_max_over_mean = 1;    // Copies that the experts of one rank compute.
  double dropped_fraction = 0;      // Of the T * k choices, those that no expert computed.
  double retained_gate_mass = 1;    // Kept scores over those of the free top-k.
  std::int64_t min_expert_tokens = 0;
  std::int64_t max_expert_tokens = 0;
  std::optional<int> max_nodes_per_token = std::nullopt;   // Distinct nodes that one token (one part of it) reached.
  std::optional<double> rerouted_fraction = std::nullopt;  // Of the choices, those sent on to another expert.
  std::optional<double> skipped_fraction = std::nullopt;   // Of the tokens, those that skip the layer.
};

// How even a placement that was made for loads lies, as max over mean of the copies that ranks compute.
struct PlacementResult {
  double contiguous_max_over_mean = 1;  // Of the same tokens with the experts where they were trained.
  double max_over_mean = 1;
  double least_max_over_mean = 1;  // Below which no placement with as many slots is, whose replicas share evenly.
  int experts_per_rank = 0;        // Physical ones.
};

// Of a layer with one placement of its experts.
struct RebalanceSide {
  Picoseconds layer;  // Forward.
  double rank_max_over_mean = 1;
  Bytes bytes_scale_out;  // Of dispatch and combine.
  Bytes weights;          // Of the layer, on one rank.
};

// The move of one layer's experts. All ranks wait while it lasts, which is the run's time.
struct RebalanceResult {
  RebalanceSide before;
  RebalanceSide after;
  std::int64_t experts_moved = 0;  // Experts that a rank needed and did not have, counted for each such rank.
  std::int64_t expert_slots = 0;   // Of the new placement, over all ranks.
  Bytes bytes_scale_up = {};
  Bytes bytes_scale_out = {};
  Bytes most_received = {};  // By one rank.
  std::int64_t layers = 1;   // Of the model, that have experts: each has as much to move and as much to gain.
  std::optional<std::int64_t> break_even_steps = {};  // Steps that save what the move takes; empty if none does.
  // Tokens of each rank of which one step saves it, if savings grow with tokens; empty if none does.
  std::optional<std::int64_t> break_even_tokens_per_rank = {};
};

// Of the fullest rank.
struct MemoryResult {
  Bytes weights;
  Bytes activations;
  std::optional<Bytes> gradients = {};
  std::optional<Bytes> kv_cache = {};
  std::optional<Bytes> optimizer = {};
  Bytes buffers;  // Dispatch and combine buffers.
  Bytes capacity;
  Bytes total() const {
    const Bytes training = gradients.value_or(Bytes{}) + optimizer.value_or(Bytes{});
    return weights + activations + kv_cache.value_or(Bytes{}) + training + buffers;
  }
  bool fits() const { return total() <= capacity; }
};

struct LinkResult {
  std::string name;
  Bytes bytes;
  double utilization = 0;  // Bytes over what the link could have carried in the whole time; 0 to 1.
};

struct FlowResult {
  FlowRequest request;
  Picoseconds finish;
};

// One kernel of the rank that computes longest, and what it would take without a profile.
struct KernelResult {
  std::string name;  // "up"; in the backward pass "up backward".
  Picoseconds time;
  Picoseconds uncalibrated;
  std::string bound;  // "compute", "memory", "launch".
};

struct KernelResults {
  int rank = 0;
  std::vector<KernelResult> kernels;
  std::vector<std::string> fits;  // Of the profile, that stand behind the products, each with its error.
  int multiprocessors_lent = 0;   // By the shared experts to the exchange that runs beside them.
};

// Copies of all tokens by what each is for, those that stay where they are included: one for each expert, each distinct
// rank, each distinct node.
struct CopyCounts {
  std::int64_t to_experts = 0;
  std::int64_t to_ranks = 0;
  std::int64_t to_nodes = 0;
};

// By the convention of nccl-tests.
struct CollectiveBandwidth {
  double algorithm_gb_per_s = 0;
  double bus_gb_per_s = 0;
};

// The time of the layer over steps and layers, each alone. Percentiles are of the nearest rank: the smallest time that
// so many of a hundred do not exceed.
struct StepResults {
  int steps = 1;
  int layers = 1;
  Picoseconds mean;
  Picoseconds min;
  Picoseconds p50;
  Picoseconds p99;
  Picoseconds max;
  int slowest_step = 0;  // The first with the largest time.
  int slowest_layer = 0;
  std::vector<std::pair<int, int>> stragglers;  // Rank, and how often it computed longest; most often first.
  std::vector<Picoseconds> times;               // [steps, layers], row-major.
};

// A pipeline rank over one training step.
struct PipelineRankResult {
  int layers = 0;               // Of the model, that it works on.
  std::int64_t parameters = 0;  // That each of its ranks holds.
  Picoseconds busy;             // In slots, what they wait inside for exchanges included.
  Picoseconds computing;        // Of that, with a kernel running.
  Picoseconds bubble;           // Until the last slot of any rank has ended, without a slot.
  Picoseconds update;           // Gradients, optimizer, parameters.
  MemoryResult memory;          // Of one of its ranks.
};

// Of the `training_step` workload.
struct TrainingResult {
  int micro_batches = 0;         // Of each pipeline.
  Picoseconds pipeline_time;     // Until the last slot of any rank has ended.
  Picoseconds mean_bubble = {};  // Over pipeline ranks.
  double model_tflop_per_s_per_gpu = 0;
  std::int64_t slots_simulated = 0;
  std::vector<PipelineRankResult> stages;  // [pipeline ranks]
};

// What a run tells. A part that does not apply to the workload is absent, here and in the JSON. docs/scenario.md gives
// each key's meaning and unit.
struct RunResult {
  Scenario scenario;  // The resolved scenario, seed included: run again, it gives the same result.
  Picoseconds time;
  std::optional<std::int64_t> tokens;  // T, over all ranks.
  std::optional<double> mfu;           // Model FLOPs over peak FLOPs of all ranks in the whole time.
  std::uint64_t events = 0;
  double wall_s = 0;
  std::vector<std::pair<std::string, Picoseconds>> breakdown;  // On the critical path, in order; sums to `time`.
  // Communication on the critical path, less what the waiting rank computes meanwhile.
  std::optional<Picoseconds> exposed_communication;
  std::optional<ExchangeTraffic> dispatch;
  std::optional<ExchangeTraffic> combine;
  std::optional<CopyCounts> copies;              // Of the `exchange` workload.
  std::optional<CollectiveBandwidth> bandwidth;  // Of the `collective` workload.
  std::optional<LoadResult> load;
  std::optional<PlacementResult> placement;  // Where it was made for loads.
  std::optional<RebalanceResult> rebalance;  // Of the `rebalance` workload.
  std::optional<MemoryResult> memory;
  std::optional<KernelResults> kernels;
  std::optional<StepResults> steps;  // Of a `moe_layer` with more than one.
  std::optional<TrainingResult> training;
  std::optional<ServingResult> serving;
  std::vector<LinkResult> links;  // Busiest first; ties by name.
  std::vector<FlowResult> flows;  // Of the `flows` workload, in its order.
  std::vector<Caveat> caveats;

  std::optional<double> tokens_per_s() const;
  std::optional<double> tokens_per_s_per_gpu() const;
};

}  // namespace moesim
