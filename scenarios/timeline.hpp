#pragma once

#include <vector>

#include "scenarios/layer_graph.hpp"
#include "sim/task_graph.hpp"
#include "sim/trace.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// Writes a run into a trace: a process for each node, with a lane for each rank's compute and for each direction of
// its links; the switches between nodes are one process more.
class Timeline {
 public:
  Timeline(Trace& trace, const Topology& topology);

  LinkObserver& links() { return links_; }
  // When the run is over.
  void finish(Picoseconds at) { links_.finish(at); }
  void add_tasks(const TaskGraph& graph, const std::vector<MessageArrow>& arrows);

  // A lane of a rank's own, after those of its node that were added before.
  LaneId add_lane(RankId rank, std::string_view name);
  void add_slice(LaneId lane, std::string_view name, Picoseconds begin, Picoseconds end);

 private:
  Trace& trace_;
  const Topology& topology_;
  std::vector<ProcessId> nodes_;
  std::int32_t lanes_ = 0;  // Added by add_lane().
  LinkUsageRecorder links_;
};

}  // namespace moesim
