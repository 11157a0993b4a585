#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/flow_network.hpp"
#include "sim/ids.hpp"
#include "sim/simulator.hpp"

namespace moesim {

enum class TaskKind : std::uint8_t { kCompute, kTransfer, kJoin };

// A span of the critical path: the task that everything after it waited for.
struct CriticalSpan {
  TaskId task;
  Picoseconds begin;
  Picoseconds end;
};

// Work with dependencies. Compute tasks occupy a stream (one task at a time, in the order in which they were added to
// it, as on a CUDA stream); transfers are flows; joins take no time. A task begins when all that it depends on has
// finished and, on a stream, when the task before it on that stream has. docs/models/engine.md has the semantics.
//
//   TaskGraph graph(simulator, network);
//   auto gate = graph.add_compute(stream, Picoseconds::from_us(10), phase);
//   auto send = graph.add_transfer({.route = route, .bytes = {1 << 20}}, phase);
//   graph.depends(send, gate);   // send waits for gate
//   graph.run();
class TaskGraph final : public EventHandler, public FlowListener {
 public:
  TaskGraph(Simulator& simulator, FlowNetwork& network);  // Becomes the network's listener.
  TaskGraph(const TaskGraph&) = delete;                   // The network holds its address.
  TaskGraph& operator=(const TaskGraph&) = delete;

  PhaseId add_phase(std::string_view name);  // The same name gives the same id.
  StreamId add_stream(RankId rank, std::string_view name);

  TaskId add_compute(StreamId stream, Picoseconds duration, PhaseId phase);
  TaskId add_transfer(const FlowSpec& flow, PhaseId phase);  // `flow.tag` is the graph's own to set.
  TaskId add_join(PhaseId phase);
  void depends(TaskId task, TaskId on);  // In any order, before run(). Naming a pair twice changes nothing.

  // Runs the simulator, from time zero, until every task has finished. Once only. A cycle (of dependencies, or of
  // dependencies and a stream's order) is an InternalError.
  void run();

  // After run().
  Picoseconds ready(TaskId task) const;  // When the last task that it depends on had finished; zero if none.
  Picoseconds begin(TaskId task) const;  // Later than ready() by what it waited for its stream.
  Picoseconds end(TaskId task) const;
  Picoseconds makespan() const;
  // From time zero to makespan() without a gap: the last task to end, before it the task that it waited for longest,
  // and so on; spans of no length are left out. Of tasks that end at one time, the lower TaskId counts as the one
  // waited for, so that the path is a function of the graph alone.
  std::vector<CriticalSpan> critical_path() const;
  // The lengths of the critical path's spans summed by phase, [phases]; their sum is makespan().
  std::vector<Picoseconds> critical_time_by_phase() const;

  std::size_t num_tasks() const { return tasks_.size(); }
  std::size_t num_phases() const { return phase_names_.size(); }
  std::size_t num_streams() const { return streams_.size(); }
  TaskKind kind(TaskId task) const;
  PhaseId phase(TaskId task) const;
  std::optional<StreamId> stream(TaskId task) const;  // Of compute tasks.
  std::optional<RouteId> route(TaskId task) const;    // Of transfers.
  const std::string& phase_name(PhaseId phase) const;
  RankId stream_rank(StreamId stream) const;
  const std::string& stream_name(StreamId stream) const;

  void on_event(std::uint64_t payload) override;
  void on_flow_finished(FlowId flow, std::uint64_t tag) override;

 private:
  enum class State : std::uint8_t { kWaiting, kRunning, kFinished };

  // One cache line, so that to finish a task costs one miss for each task that waits for it.
  struct Task {
    Picoseconds ready;
    Picoseconds begin;
    Picoseconds end;
    Picoseconds duration;         // Of compute tasks.
    std::uint32_t waits_for = 0;  // Tasks still to finish before this one may begin.
    TaskId binding;               // Of those that have finished, the last; the lower id among several.
    TaskId next_on_stream;
    std::int32_t place = -1;  // The index of the stream, or of the transfer.
    PhaseId phase;
    std::uint32_t first_successor = 0;
    TaskKind kind = TaskKind::kJoin;
    State state = State::kWaiting;
  };
  static_assert(sizeof(Task) == 64);

  struct Transfer {  // A FlowSpec without its tag, and with an infinite rate cap for none.
    Bytes bytes;
    Picoseconds start_up;
    double rate_cap_bytes_per_s;
    RouteId route;
    std::int32_t multiplicity;
    std::int32_t weight;
  };

  struct Stream {
    RankId rank;
    TaskId last;  // So far.
    std::string name;
  };

  TaskId add(Task task);
  const Task& task(TaskId id) const;
  const Task& finished(TaskId id) const;
  void index_successors();
  void begin_if_free(TaskId id);
  void start_flow(TaskId id);
  void finish(TaskId id);
  void release(TaskId id, TaskId predecessor);
  void settle();
  [[noreturn]] void fail_stuck() const;

  Simulator& simulator_;
  FlowNetwork& network_;
  std::vector<Task> tasks_;
  std::vector<Transfer> transfers_;
  std::vector<Stream> streams_;
  std::vector<std::string> phase_names_;
  std::map<std::string, PhaseId, std::less<>> phase_by_name_;
  std::vector<std::pair<TaskId, TaskId>> dependencies_;  // (on, task), until run() has sorted them into successors_.
  std::vector<TaskId> successors_;                       // Those of task i: [first_successor of i, of i + 1).
  std::vector<TaskId> due_;                              // Tasks to finish at this instant, oldest first.
  std::size_t num_finished_ = 0;
  Picoseconds makespan_;
  bool has_run_ = false;
};

}  // namespace moesim
