#include "scenarios/training_runner.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "models/architecture/model_costs.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/training_memory.hpp"
#include "scenarios/training_program.hpp"
#include "scenarios/training_trace.hpp"

namespace moesim {
namespace {

// Time on the critical path by phase, and what of it no kernel ran in.
void add_breakdown(const TrainingProgram& program, RunResult& result) {
  const TaskGraph& graph = program.graph();
  std::unordered_map<std::int64_t, const SlotTiming*> timing;  // Looked up, never walked.
  for (const PlacedSlot& slot : program.slots()) timing.emplace(slot.task.value, slot.timing);
  std::vector<Picoseconds> phases(kTrainingPhases);
  Picoseconds exposed;
  for (const CriticalSpan& span : graph.critical_path()) {
    const auto slot = timing.find(span.task.value);
    if (slot == timing.end()) {
      const std::string& of = graph.phase_name(graph.phase(span.task));
      for (int i = 0; i < kTrainingPhases; ++i) {
        if (of == name(static_cast<TrainingPhase>(i))) phases[static_cast<std::size_t>(i)] += span.end - span.begin;
      }
      if (of != name(TrainingPhase::optimizer)) exposed += span.end - span.begin;
      continue;
    }
    for (const auto& [phase, time] : slot->second->phases) phases[static_cast<std::size_t>(phase)] += time;
    exposed += slot->second->time - slot->second->busy[static_cast<int>(Lane::compute)];
  }
  for (int i = 0; i < kTrainingPhases; ++i) {
    const Picoseconds time = phases[static_cast<std::size_t>(i)];
    if (time.count > 0) result.breakdown.emplace_back(name(static_cast<TrainingPhase>(i)), time);
  }
  result.exposed_communication = exposed;
}

TrainingResult training_result(const Scenario& scenario, const TrainingWorkload& workload,
                               const TrainingProgram& program) {
  const TaskGraph& graph = program.graph();
  const ParallelSizes& sizes = scenario.parallelism;
  TrainingResult training;
  training.micro_batches = program.schedule().spec().micro_batches;
  training.slots_simulated = std::ssize(program.slots());
  training.stages.resize(static_cast<std::size_t>(sizes.pp));
  for (const PlacedSlot& slot : program.slots()) {
    PipelineRankResult& rank = training.stages[static_cast<std::size_t>(slot.rank)];
    rank.busy += slot.timing->time;
    rank.computing += slot.timing->busy[static_cast<int>(Lane::compute)];
    training.pipeline_time = std::max(training.pipeline_time, graph.end(slot.task));
  }
  for (const UpdateTask& update : program.updates()) {
    training.stages[static_cast<std::size_t>(update.rank)].update += graph.end(update.task) - graph.begin(update.task);
  }
  for (int rank = 0; rank < sizes.pp; ++rank) {
    PipelineRankResult& stage = training.stages[static_cast<std::size_t>(rank)];
    stage.bubble = training.pipeline_time - stage.busy;
    stage.memory = training_memory(scenario, workload, program, rank);
    stage.parameters = program.dense_parameters(rank) + program.expert_parameters(rank);
    for (std::size_t v = 0; v < program.stages().size(); ++v) {
      const int last = training.micro_batches - 1;
      const bool here = program.schedule().place(0, static_cast<int>(v)).rank == rank ||
                        program.schedule().place(last, static_cast<int>(v)).rank == rank;
      if (!here) continue;
      for (const Piece& piece : program.stages()[v]) stage.layers += piece.kind == PieceKind::layer ? 1 : 0;
    }
    training.mean_bubble += stage.bubble;
  }
  training.mean_bubble = {training.mean_bubble.count / sizes.pp};
  return training;
}

void add_caveats(const Scenario& scenario, const TrainingProgram& program, RunResult& result) {
  if (program.layer()) {
    for (const Caveat& caveat : program.layer()->caveats) result.caveats.push_back(caveat);
    add_router_caveat(*scenario.routing, result);
  } else {
    for (Caveat& caveat : program.model().caveats(std::array{scenario.compute.dtype})) {
      result.caveats.push_back(std::move(caveat));
    }
  }
  result.caveats.push_back(
      {"folded",
       fmt::format("One rank stands for the {} of each pipeline rank: every micro-batch meets the loads of one "
                   "routing pass, and groups that run at once do not disturb one another's traffic.",
                   scenario.parallelism.stage_ranks())});
  result.caveats.push_back({"extrapolated",
                            "Backward attention and weight gradients were not measured: they follow from the forward "
                            "kernel's time and from a roofline."});
}

}  // namespace

void run_training(const Scenario& scenario, const TrainingWorkload& workload, const Topology& topology,
                  const LinkUse& use, Simulator& simulator, ClusterNetwork& network, Timeline* timeline,
                  RunResult& result) {
  TrainingProgram program(scenario, workload, topology, use, simulator, network);
  program.run();
  result.time = program.graph().makespan();
  result.tokens = workload.global_batch * workload.sequence_length;
  const double flops =
      training_flops_per_token(*scenario.model, workload.sequence_length).total() * static_cast<double>(*result.tokens);
  const double gpu_seconds = result.time.seconds() * scenario.parallelism.ranks();
  result.mfu = flops / (gpu_seconds * program.model().device().peak_flops(scenario.compute.dtype).flop_per_s());
  result.training = training_result(scenario, workload, program);
  result.training->model_tflop_per_s_per_gpu = flops / gpu_seconds / 1e12;
  const auto fullest =
      std::max_element(result.training->stages.begin(), result.training->stages.end(),
                       [](const auto& a, const auto& b) { return a.memory.total() < b.memory.total(); });
  result.memory = fullest->memory;
  add_breakdown(program, result);
  if (program.layer()) {
    result.load = program.layer()->load;
    result.dispatch = program.layer()->dispatch_traffic;
    result.combine = program.layer()->combine_traffic;
  }
  add_caveats(scenario, program, result);
  if (timeline != nullptr) add_training(program, scenario.parallelism, *timeline);
}

}  // namespace moesim
