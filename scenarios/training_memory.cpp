#include "scenarios/training_memory.hpp"

#include <cmath>

#include "models/schedule/pipeline_timing.hpp"

namespace moesim {
namespace {

Bytes bytes(double parameters, double each) { return {static_cast<std::int64_t>(std::ceil(parameters * each))}; }

}  // namespace

MemoryResult training_memory(const Scenario& scenario, const TrainingWorkload& workload, const TrainingProgram& program,
                             int pipeline_rank) {
  constexpr double kGradientBytes = 4;  // fp32, as they are summed.
  const PipelineSchedule& schedule = program.schedule();
  const auto dense = static_cast<double>(program.dense_parameters(pipeline_rank));
  const auto experts = static_cast<double>(program.expert_parameters(pipeline_rank));
  const ParallelSizes& sizes = scenario.parallelism;
  const double copies = schedule.layers_copies();
  const bool sharded = workload.zero > 0;
  const double dense_shards = sharded ? copies * sizes.dp * sizes.cp : 1;
  const double expert_shards = sharded ? copies * sizes.expert_replicas() : 1;

  MemoryResult memory;
  memory.capacity = scenario.gpu.hbm_capacity;
  memory.weights = bytes(dense + experts, bytes_per_element(scenario.compute.weights_dtype));
  memory.gradients = bytes(dense + experts, kGradientBytes);
  memory.optimizer = bytes(dense / dense_shards + experts / expert_shards, scenario.compute.optimizer_bytes_per_weight);
  std::vector<Bytes> of_chunk(static_cast<std::size_t>(workload.chunks_per_rank));
  for (const PipelineSlot& slot : schedule.slots()[static_cast<std::size_t>(pipeline_rank)]) {
    Bytes& kept = of_chunk[static_cast<std::size_t>(slot.work.chunk)];
    if (kept.count > 0) continue;
    const int stage = schedule.virtual_stage(slot.work.micro_batch, pipeline_rank, slot.work.chunk);
    for (const Piece& piece : program.stages()[static_cast<std::size_t>(stage)]) kept += program.pricer().kept(piece);
  }
  memory.activations = most_bytes_held(schedule, pipeline_rank, of_chunk);
  if (program.layer()) memory.buffers = program.layer()->memory.buffers;
  return memory;
}

}  // namespace moesim
