#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/flow_network.hpp"
#include "sim/ids.hpp"
#include "sim/simulator.hpp"

namespace moesim {

// A span of the critical path: the task that everything after it waited for.
struct CriticalSpan {
  TaskId task;
  Picoseconds begin;
  Picoseconds end;
};

// Work with dependencies. Compute tasks occupy a stream (one task at a time, in the order in which they were added to
// it, as on a CUDA stream); transfers are flows; joins take no time. A task is ready when all that it depends on has
// finished and, on a stream, when the task before it on that stream has.
//
//   TaskGraph graph(simulator, network);
//   auto gate = graph.add_compute(stream, Picoseconds::from_us(10), phase);
//   auto send = graph.add_transfer({.route = route, .bytes = {1 << 20}}, phase);
//   graph.depends(send, gate);   // send waits for gate
//   graph.run();
class TaskGraph final : public EventHandler, public FlowListener {
 public:
  TaskGraph(Simulator& simulator, FlowNetwork& network);

  PhaseId add_phase(std::string_view name);  // The same name gives the same id.
  StreamId add_stream(RankId rank, std::string_view name);

  TaskId add_compute(StreamId stream, Picoseconds duration, PhaseId phase);
  TaskId add_transfer(const FlowSpec& flow, PhaseId phase);  // `flow.tag` is the graph's own to set.
  TaskId add_join(PhaseId phase);
  void depends(TaskId task, TaskId on);

  // Runs the simulator until every task has finished. A cycle is an InternalError.
  void run();

  Picoseconds ready(TaskId task) const;
  Picoseconds begin(TaskId task) const;
  Picoseconds end(TaskId task) const;
  Picoseconds makespan() const;
  // From time zero to makespan() without a gap: what was waited for, latest binding dependency first found. Ties are
  // broken by the lower TaskId, so that the path is a function of the graph alone.
  std::vector<CriticalSpan> critical_path() const;

  void on_event(std::uint64_t payload) override;
  void on_flow_finished(FlowId flow, std::uint64_t tag) override;
};

}  // namespace moesim
