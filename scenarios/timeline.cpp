#include "scenarios/timeline.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace moesim {
namespace {

std::vector<ProcessId> add_nodes(Trace& trace, const Topology& topology) {
  const int nodes = topology.node_of(RankId{topology.num_ranks() - 1}) + 1;
  std::vector<ProcessId> processes;
  for (int node = 0; node < nodes; ++node) processes.push_back(trace.add_process(fmt::format("node {}", node), node));
  processes.push_back(trace.add_process("fabric", nodes));
  return processes;
}

// Links of a node are named "node3/..."; all others belong to the fabric, which is the last process.
ProcessId process_of(const Link& link, const std::vector<ProcessId>& processes) {
  constexpr std::string_view kPrefix = "node";
  const std::string_view name = link.name;
  std::size_t node = 0;
  if (name.starts_with(kPrefix)) {
    const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), node);
    if (error == std::errc{} && *end == '/' && node + 1 < processes.size()) return processes[node];
  }
  return processes.back();
}

std::vector<TracedLink> traced_links(const Topology& topology, const std::vector<ProcessId>& processes) {
  std::vector<TracedLink> links;
  for (const Link& link : topology.links()) {
    links.push_back({.process = process_of(link, processes), .name = link.name, .capacity = link.capacity});
  }
  return links;
}

}  // namespace

Timeline::Timeline(Trace& trace, const Topology& topology)
    : trace_(trace),
      topology_(topology),
      nodes_(add_nodes(trace, topology)),
      links_(trace, traced_links(topology, nodes_)) {}

LaneId Timeline::add_lane(RankId rank, std::string_view name) {
  const auto node = static_cast<std::size_t>(topology_.node_of(rank));
  return trace_.add_lane(nodes_[node], fmt::format("rank {} {}", rank.value, name), lanes_++);
}

void Timeline::add_slice(LaneId lane, std::string_view name, Picoseconds begin, Picoseconds end) {
  if (begin < end) trace_.add_slice(lane, trace_.intern(name), begin, end);
}

void Timeline::add_tasks(const TaskGraph& graph, const std::vector<MessageArrow>& arrows) {
  std::vector<LaneId> lanes;
  for (std::size_t i = 0; i < graph.num_streams(); ++i) {
    const StreamId stream{static_cast<std::int64_t>(i)};
    const RankId rank = graph.stream_rank(stream);
    const auto node = static_cast<std::size_t>(topology_.node_of(rank));
    const int local = rank.value % topology_.ranks_per_node();
    lanes.push_back(
        trace_.add_lane(nodes_[node], fmt::format("rank {} {}", rank.value, graph.stream_name(stream)), local));
  }
  for (std::size_t i = 0; i < graph.num_tasks(); ++i) {
    const TaskId task{static_cast<std::int64_t>(i)};
    const auto stream = graph.stream(task);
    if (!stream || graph.begin(task) == graph.end(task)) continue;
    trace_.add_slice(lanes[stream->index()], trace_.intern(graph.phase_name(graph.phase(task))), graph.begin(task),
                     graph.end(task));
  }
  // An arrow belongs to the slices that it starts and ends in; at its very end a slice is over.
  for (const MessageArrow& arrow : arrows) {
    if (graph.begin(arrow.from) == graph.end(arrow.from) || graph.begin(arrow.to) == graph.end(arrow.to)) continue;
    const Picoseconds leaves = graph.end(arrow.from) - Picoseconds{1};
    trace_.add_arrow(lanes[graph.stream(arrow.from)->index()], leaves, lanes[graph.stream(arrow.to)->index()],
                     std::max(leaves, graph.begin(arrow.to)));
  }
}

}  // namespace moesim
