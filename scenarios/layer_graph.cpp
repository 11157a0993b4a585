#include "scenarios/layer_graph.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace moesim {
namespace {

// Arrows of one exchange in a trace: enough to see who waits for whom, few enough to see anything.
constexpr std::size_t kArrowsAnExchange = 64;

struct PassPhases {
  std::string_view choose, pack, shared, out, experts, back, finish;
};
constexpr PassPhases kForward{"gate", "permute", "shared_experts", "dispatch", "experts", "combine", "unpermute"};
constexpr PassPhases kBackward{"",
                               "unpermute_backward",
                               "shared_experts_backward",
                               "combine_backward",
                               "experts_backward",
                               "dispatch_backward",
                               "gate_backward"};

}  // namespace

LayerGraph::LayerGraph(TaskGraph& graph, ClusterNetwork& network, int ranks)
    : graph_(graph), network_(network), shared_attachments_(false) {
  for (int rank = 0; rank < ranks; ++rank) {
    compute_.push_back(graph_.add_stream(RankId{rank}, "compute"));
    if (rank > 0) {
      const Topology& topology = network_.topology();
      shared_attachments_ |= topology.attachment(RankId{rank}) == topology.attachment(RankId{rank - 1});
    }
  }
}

void LayerGraph::add_pass(LayerPass pass, const ExchangePlan& to_experts, const ExchangePlan& back,
                          const std::vector<RankKernels>& kernels, bool overlap_shared_experts) {
  const PassPhases& phase = pass == LayerPass::forward ? kForward : kBackward;
  if (!phase.choose.empty()) add_kernels(kernels, &RankKernels::choose, phase.choose);
  const std::vector<TaskId> packed = add_kernels(kernels, &RankKernels::pack, phase.pack);
  const std::vector<TaskId> shared = add_kernels(kernels, &RankKernels::shared, phase.shared);
  const std::vector<TaskId> arrived = add_exchange(to_experts, overlap_shared_experts ? packed : shared, phase.out);
  const std::vector<TaskId> computed = add_kernels(kernels, &RankKernels::experts, phase.experts);
  const std::vector<TaskId> returned = add_exchange(back, computed, phase.back);
  const std::vector<TaskId> finished = add_kernels(kernels, &RankKernels::finish, phase.finish);
  for (std::size_t rank = 0; rank < compute_.size(); ++rank) {
    graph_.depends(computed[rank], arrived[rank]);
    graph_.depends(finished[rank], returned[rank]);
  }
  sample_arrows(to_experts, packed, computed);
  sample_arrows(back, computed, finished);
}

Picoseconds LayerGraph::exposed_communication() const {
  Picoseconds exposed;
  std::optional<Picoseconds> since;  // When the path left the kernels of a rank for the wire.
  for (const CriticalSpan& span : graph_.critical_path()) {
    const auto stream = graph_.stream(span.task);
    if (!stream || stream == fabric_) {
      if (!since) since = span.begin;
    } else if (since) {
      exposed += span.begin - *since - kernel_time(*stream, *since, span.begin);
      since.reset();
    }
  }
  return since ? exposed + (graph_.makespan() - *since) : exposed;
}

Picoseconds LayerGraph::kernel_time(StreamId stream, Picoseconds from, Picoseconds to) const {
  Picoseconds sum;
  for (std::size_t i = 0; i < graph_.num_tasks(); ++i) {
    const TaskId task{static_cast<std::int64_t>(i)};
    if (graph_.stream(task) != stream) continue;
    const Picoseconds begin = std::max(from, graph_.begin(task));
    const Picoseconds end = std::min(to, graph_.end(task));
    if (begin < end) sum += end - begin;
  }
  return sum;
}

void LayerGraph::sample_arrows(const ExchangePlan& plan, const std::vector<TaskId>& from,
                               const std::vector<TaskId>& to) {
  const std::size_t step = plan.messages.size() / kArrowsAnExchange + 1;
  for (std::size_t i = 0; i < plan.messages.size(); i += step) {
    const Message& message = plan.messages[i];
    arrows_.push_back({from[message.source.index()], to[message.destination.index()]});
  }
}

std::vector<TaskId> LayerGraph::add_kernels(const std::vector<RankKernels>& kernels, Picoseconds RankKernels::*part,
                                            std::string_view phase) {
  const PhaseId id = graph_.add_phase(phase);
  std::vector<TaskId> tasks;
  tasks.reserve(compute_.size());
  for (std::size_t rank = 0; rank < compute_.size(); ++rank) {
    tasks.push_back(graph_.add_compute(compute_[rank], kernels[rank].*part, id));
  }
  return tasks;
}

std::vector<TaskId> LayerGraph::add_exchange(const ExchangePlan& plan, const std::vector<TaskId>& start,
                                             std::string_view phase) {
  const PhaseId id = graph_.add_phase(phase);
  std::vector<TaskId> arrived;
  arrived.reserve(start.size());
  for (const TaskId task : start) {
    arrived.push_back(graph_.add_join(id));
    graph_.depends(arrived.back(), task);
  }
  if (const auto equal = equal_exchange(plan, network_)) {
    add_equal_exchange(*equal, start, arrived, id);
  } else if (shared_attachments_ && plan.waits.empty()) {
    add_merged_messages(plan, start, arrived, id);
  } else {
    add_messages(plan, start, arrived, id);
  }
  return arrived;
}

void LayerGraph::add_equal_exchange(const EqualExchange& exchange, const std::vector<TaskId>& start,
                                    const std::vector<TaskId>& arrived, PhaseId phase) {
  if (!fabric_) fabric_ = graph_.add_stream(RankId{0}, "all links");
  const TaskId task = graph_.add_compute(*fabric_, exchange.time, phase);
  for (std::size_t rank = 0; rank < start.size(); ++rank) {
    graph_.depends(task, start[rank]);
    graph_.depends(arrived[rank], task);
  }
  equal_exchange_slack_ = std::max(equal_exchange_slack_.value_or(Picoseconds{}), exchange.latency);
}

void LayerGraph::add_messages(const ExchangePlan& plan, const std::vector<TaskId>& start,
                              const std::vector<TaskId>& arrived, PhaseId phase) {
  std::vector<TaskId> tasks;
  tasks.reserve(plan.messages.size());
  for (const Message& message : plan.messages) {
    const TaskId task = add_message(plan, message, start, arrived, phase);
    for (std::int32_t i = 0; i < message.num_waits; ++i) {
      const std::int32_t wait = plan.waits[static_cast<std::size_t>(message.first_wait + i)];
      graph_.depends(task, tasks[static_cast<std::size_t>(wait)]);
    }
    tasks.push_back(task);
  }
}

TaskId LayerGraph::add_message(const ExchangePlan& plan, const Message& message, const std::vector<TaskId>& start,
                               const std::vector<TaskId>& arrived, PhaseId phase) {
  const RouteId route = network_.route(message.source, message.destination);
  const TaskId task = graph_.add_transfer(flow_spec(plan, message, route), phase);
  if (message.waits_for_source) graph_.depends(task, start[message.source.index()]);
  graph_.depends(arrived[message.destination.index()], task);
  return task;
}

// Ranks with one attachment have the same routes, so that their equal messages to ranks of one other attachment are
// one class of flows. It leaves when the last of them could: the ranks of a chip are taken to be in step, as they are
// wherever this matters (equal tokens, padded buffers). A quarter of the flows of a TPU v3 pod remain.
void LayerGraph::add_merged_messages(const ExchangePlan& plan, const std::vector<TaskId>& start,
                                     const std::vector<TaskId>& arrived, PhaseId phase) {
  const Topology& topology = network_.topology();
  using Class = std::tuple<int, int, std::int64_t, Picoseconds, Picoseconds>;  // Attachments, bytes, lead, pacing.
  std::map<Class, std::vector<const Message*>> classes;
  const auto flush = [&] {
    for (const auto& [key, messages] : classes) {
      FlowSpec flow =
          flow_spec(plan, *messages.front(), network_.route(messages.front()->source, messages.front()->destination));
      flow.multiplicity *= static_cast<std::int32_t>(messages.size());
      const TaskId task = graph_.add_transfer(flow, phase);
      for (const Message* message : messages) {
        graph_.depends(task, start[message->source.index()]);
        graph_.depends(arrived[message->destination.index()], task);
      }
    }
    classes.clear();
  };
  // Plans list the messages of a pass source by source; combine lists them destination by destination. Either way the
  // ranks of one chip are neighbours, so that one chip's classes are all that is held at a time.
  const bool by_source = plan.messages.size() < 2 || plan.messages[0].source == plan.messages[1].source;
  int held = -1;
  for (const Message& message : plan.messages) {
    const int from = topology.attachment(message.source);
    const int to = topology.attachment(message.destination);
    if (from == to || message.multiplicity != 1) {
      add_message(plan, message, start, arrived, phase);
      continue;
    }
    const int holder = by_source ? from : to;
    if (holder != held) flush();
    held = holder;
    classes[{from, to, message.bytes.count, message.lead, message.pacing}].push_back(&message);
  }
  flush();
}

}  // namespace moesim
