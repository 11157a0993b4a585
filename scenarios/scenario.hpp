#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/architecture/model_card.hpp"
#include "models/data_type.hpp"
#include "models/exchange/collective.hpp"
#include "models/exchange/exchange_plan.hpp"
#include "models/exchange/library.hpp"
#include "models/kernels/kernel_profile.hpp"
#include "models/routing/route_batch.hpp"
#include "models/routing/router_spec.hpp"
#include "models/schedule/parallel_sizes.hpp"
#include "models/schedule/pipeline_schedule.hpp"
#include "scenarios/placement_choice.hpp"
#include "scenarios/serving_workload.hpp"
#include "sim/ids.hpp"
#include "sim/units.hpp"
#include "topologies/cluster_card.hpp"
#include "topologies/gpu_card.hpp"

namespace moesim {

// One scenario, resolved and checked: every default filled in, every name looked up, every cross-condition met. What
// the runner needs and nothing that it has to doubt. docs/scenario.md lists the keys that it is read from;
// scenarios/scenario_json.hpp reads and writes it.

struct FlowRequest {
  RankId source;
  RankId destination;  // Not the source.
  Bytes bytes;
  Picoseconds start;
};

// Given flows between ranks; the result has the finish of each.
struct FlowsWorkload {
  std::vector<FlowRequest> flows;  // In the order of the file.
};

// Every rank sends to every other rank at once (`direct`) or in P - 1 steps (`pairwise`).
struct AllToAllWorkload {
  Bytes bytes_per_pair;              // The mean, where sizes are drawn.
  std::optional<double> sigma;       // Sizes are lognormal with this sigma and mean `bytes_per_pair`.
  std::vector<std::int64_t> matrix;  // [ep, ep] bytes, row = source; or empty. The diagonal is 0.
};

enum class Direction { forward, backward, forward_backward };
std::optional<Direction> direction(std::string_view name);
std::string_view name(Direction direction);

// One Mixture-of-Experts layer on all ranks of the group at once.
struct MoeLayerWorkload {
  std::int64_t tokens_per_rank = 1;
  Direction direction = Direction::forward;
  // Above 1: the layer is run with the loads of so many steps of so many layers, each alone, for the distribution of
  // its time. All else in the result is of the first layer in the first step.
  int steps = 1;
  int layers = 1;
};

// The dispatch or the combine of such a layer alone, all ranks ready at once: what benchmarks of exchanges measure.
struct ExchangeWorkload {
  std::int64_t tokens_per_rank = 1;
  ExchangeDirection op = ExchangeDirection::dispatch;
};

// One collective of the cluster's first `ranks` ranks; a send_recv of the two that it names.
struct CollectiveWorkload {
  CollectiveOp op = CollectiveOp::all_reduce;
  CollectiveAlgorithm algorithm = CollectiveAlgorithm::ring;
  Bytes bytes;
  int ranks = 1;
  int chunks = 16;
  RankId source{0};
  RankId destination{1};
};

// The move of a layer's expert weights from one placement to the scenario's, and the layer with either.
struct RebalanceWorkload {
  std::int64_t tokens_per_rank = 1;
  PlacementChoice from;
};

// What a backward pass computes again of the forward pass, so that it need not be kept.
enum class Recompute {
  none,
  selective,  // Norms, functions between products, up-projections of latents.
  full,       // All but each layer's input.
};
std::optional<Recompute> recompute(std::string_view name);
std::string_view name(Recompute recompute);

// One optimizer step of a whole model, on all ranks of the cluster.
struct TrainingWorkload {
  std::int64_t sequence_length = 1;
  std::int64_t micro_batch = 1;   // Sequences of one micro-batch.
  std::int64_t global_batch = 1;  // Sequences of a step; a multiple of micro_batch * dp.
  PipelineKind schedule = PipelineKind::one_f_one_b;
  int chunks_per_rank = 1;
  Recompute recompute = Recompute::none;
  // Collectives of tensor parallelism run beside the products next to them, piece by piece.
  bool overlap_tensor_parallel = false;
  int zero = 1;  // 0: every rank has the whole optimizer; 1: data-parallel ranks share it out (ZeRO, arXiv:1910.02054).
};

using Workload = std::variant<FlowsWorkload, AllToAllWorkload, MoeLayerWorkload, ExchangeWorkload, CollectiveWorkload,
                              RebalanceWorkload, TrainingWorkload, PrefillWorkload, DecodeWorkload>;
std::string_view workload_kind(const Workload& workload);  // "flows", "all_to_all", "moe_layer", ...

// What each expert's buffer holds on the wire.
enum class Padding {
  none,      // The tokens that were routed to it.
  capacity,  // Its whole capacity, filled or not, as in GShard and Switch: sizes are known before the routing is.
};
std::optional<Padding> padding(std::string_view name);
std::string_view name(Padding padding);

struct DispatchSpec {
  ExchangeAlgorithm algorithm = ExchangeAlgorithm::direct;
  DataType dispatch_dtype = DataType::bf16;
  DataType combine_dtype = DataType::bf16;
  int chunks = 4;  // As ExchangeOptions: what two_hop and all_gather forward is cut into so many pieces.
  Padding padding = Padding::none;
  Picoseconds message_overhead = {};        // What posting one message costs its sender.
  int multiprocessors = 0;                  // That its kernels hold while they run.
  std::optional<ExchangeLibrary> library;   // Whose kernels; without one, nothing but the wire takes time.
  std::string library_source = "\"none\"";  // The value of "library" that stands for it, as JSON text.
};

struct ComputeSpec {
  DataType dtype = DataType::bf16;          // What the experts' matrix products read.
  DataType weights_dtype = DataType::bf16;  // As the weights are kept in memory.
  // With a backward pass: as inputs of the functions between products are kept for it.
  DataType kept_dtype = DataType::bf16;
  Fp8Scaling fp8_scaling = Fp8Scaling::block;
  bool overlap_shared_experts = true;       // Shared experts run while the dispatch is on the wire, not before it.
  double optimizer_bytes_per_weight = 12;   // With a backward pass: mixed-precision Adam (MemoryOptions).
  std::optional<KernelProfile> profile;     // Of kernel times; without one, a roofline.
  std::string profile_source = "\"none\"";  // The value of "profile" that stands for it, as JSON text.
};

struct NetworkSpec {
  double tolerance = 0;  // FlowNetwork::set_tolerance; 0 is exact.
};

// Workloads that are no whole model know only of `ep`: their expert-parallel group is the cluster's first `ep` ranks,
// and the rest of the cluster idles.
using Parallelism = ParallelSizes;

struct Scenario {
  std::string name;
  std::optional<ModelCard> model;  // Always there for layers, exchanges, rebalances and whole models; else never.
  ClusterCard cluster;             // With its nodes and overrides applied.
  GpuCard gpu;                     // Of the cluster's ranks.
  int world_size = 1;              // Ranks of the cluster.
  Workload workload;
  Parallelism parallelism;
  std::optional<RouterSpec> routing;  // With the model.
  RoutingPath routing_path = RoutingPath::sampled;
  PlacementChoice placement;
  DispatchSpec dispatch;
  ComputeSpec compute;
  NetworkSpec network;
  std::uint64_t seed = 1;

  // The values of "model" and "cluster" that stand in a scenario for the cards above, as JSON text: a catalog name,
  // the catalog's card with overrides, or a whole card that came from a file.
  std::string model_source;
  std::string cluster_source;

  std::vector<std::string> input_files;  // Paths of what it was read from, so that no output takes their place.
};

}  // namespace moesim
