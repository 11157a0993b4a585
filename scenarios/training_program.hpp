#pragma once

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "models/schedule/pipeline_schedule.hpp"
#include "models/schedule/slot_schedule.hpp"
#include "scenarios/group_collective.hpp"
#include "scenarios/layer_price.hpp"
#include "scenarios/training_chains.hpp"
#include "sim/task_graph.hpp"

namespace moesim {

// A slot of a pipeline rank's schedule, as a task.
struct PlacedSlot {
  TaskId task;
  int rank = 0;  // Of the pipeline.
  PipelineSlot slot;
  const SlotTiming* timing = nullptr;
};

// What a pipeline rank does after its last slot.
struct UpdateTask {
  TaskId task;
  int rank = 0;
  TrainingPhase phase = TrainingPhase::optimizer;
};

// One training step as tasks: a stream of slots for each pipeline rank, one for what it sends to each neighbour. One
// rank stands for all ranks of a pipeline rank. Prices are found first, in the constructor.
class TrainingProgram {
 public:
  // All that is given outlives it.
  TrainingProgram(const Scenario& scenario, const TrainingWorkload& workload, const Topology& topology,
                  const LinkUse& use, Simulator& simulator, ClusterNetwork& network);

  void run() { graph_.run(); }

  const TaskGraph& graph() const { return graph_; }
  const PipelineSchedule& schedule() const { return schedule_; }
  const std::vector<std::vector<Piece>>& stages() const { return stages_; }  // [virtual stages]
  const std::vector<PlacedSlot>& slots() const { return slots_; }
  const std::vector<UpdateTask>& updates() const { return updates_; }
  const std::optional<LayerPrice>& layer() const { return layer_; }
  const KernelModel& model() const { return model_; }
  const PiecePricer& pricer() const { return *pricer_; }
  // Parameters of a rank of this pipeline rank.
  std::int64_t dense_parameters(int rank) const;
  std::int64_t expert_parameters(int rank) const;

 private:
  TensorTimes tensor_times();
  Bytes activation_bytes(std::int64_t columns) const;
  Picoseconds hand_over(int from, int to);
  std::span<const Piece> pieces_of_work(const PipelineWork& work, int rank) const;
  const SlotTiming& timing(const PipelineSlot& slot, int rank);
  TaskId& done(WorkKind kind, int micro_batch, int stage);
  void add_slots();
  void add_waits(const PlacedSlot& slot, const PipelineWork& work);
  void add_updates();
  StreamId link(int from, int to);
  template <class Count>
  std::int64_t sum_of_chunks(int rank, Count count) const;

  const Scenario& scenario_;
  const TrainingWorkload& workload_;
  const Topology& topology_;
  ParallelSizes sizes_;
  GroupCollectives collectives_;
  PipelineSchedule schedule_;
  KernelModel model_;
  std::optional<LayerPrice> layer_;
  std::optional<PiecePricer> pricer_;
  std::vector<std::vector<Piece>> stages_;
  std::map<std::array<std::pair<int, int>, 2>, SlotTiming> timings_;  // By (virtual stage, kind) of both works.
  TaskGraph graph_;
  std::vector<StreamId> streams_;  // [pipeline ranks]
  std::map<std::pair<int, int>, StreamId> links_;
  std::vector<PlacedSlot> slots_;
  std::vector<UpdateTask> updates_;
  std::vector<TaskId> done_;  // [micro-batch, virtual stage, forward or backward]
};

// Micro-batches of a step that one pipeline works on.
int micro_batches(const Scenario& scenario, const TrainingWorkload& workload);

}  // namespace moesim
