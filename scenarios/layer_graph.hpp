#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "models/exchange/exchange_plan.hpp"
#include "models/kernels/moe_layer.hpp"
#include "scenarios/cluster_network.hpp"
#include "scenarios/equal_exchange.hpp"
#include "sim/task_graph.hpp"

namespace moesim {

// What one rank computes in one pass over its share of a layer, in the order of its compute stream. The backward pass
// walks the layer from its end, so that its stages are the derivatives of the forward ones in reverse; the gate's is
// part of the last.
//
//             forward         backward
//   choose    gate            (nothing)
//   pack      permute         unpermute_backward        then the exchange to the experts: dispatch, combine_backward
//   shared    shared_experts  shared_experts_backward
//   experts   experts         experts_backward          then the exchange back: combine, dispatch_backward
//   finish    unpermute       gate_backward
struct RankKernels {
  Picoseconds choose;
  Picoseconds pack;
  Picoseconds shared;
  Picoseconds experts;
  Picoseconds finish;
};

// One message of an exchange, from the kernel that made its data to the one that waits for it. For traces.
struct MessageArrow {
  TaskId from;
  TaskId to;
};

// One MoE layer as tasks, pass by pass. Nothing waits for a rank that it does not need: a rank's experts start when
// the last message to that rank has arrived, and a rank's sum starts when its own tokens are back.
//
//   choose -> pack -> [exchange to the experts] -> experts -> [exchange back] -> finish
//                 \-> shared experts ----------/
class LayerGraph {
 public:
  LayerGraph(TaskGraph& graph, ClusterNetwork& network, int ranks);

  // kernels[ranks]. A pass starts on each rank when the pass before it has ended there. Unless the shared experts
  // overlap, the exchange to the experts waits for them.
  void add_pass(LayerPass pass, const ExchangePlan& to_experts, const ExchangePlan& back,
                const std::vector<RankKernels>& kernels, bool overlap_shared_experts);

  // The longest that an exchange can be shorter than it is said to be, where equal messages were not simulated one by
  // one (scenarios/equal_exchange.hpp); empty where all were.
  std::optional<Picoseconds> equal_exchange_slack() const { return equal_exchange_slack_; }
  // After the run: the communication on the critical path, less what the rank that waits for it computes meanwhile.
  Picoseconds exposed_communication() const;
  // A sample of the messages of every exchange, evenly spaced.
  const std::vector<MessageArrow>& arrows() const { return arrows_; }

 private:
  std::vector<TaskId> add_kernels(const std::vector<RankKernels>& kernels, Picoseconds RankKernels::*part,
                                  std::string_view phase);
  // Adds the messages; each leaves when `start` of its source has ended. The result is, for each rank, a join that ends
  // when everything has arrived there and the rank itself has come as far as `start`.
  std::vector<TaskId> add_exchange(const ExchangePlan& plan, const std::vector<TaskId>& start, std::string_view phase);
  void add_equal_exchange(const EqualExchange& exchange, const std::vector<TaskId>& start,
                          const std::vector<TaskId>& arrived, PhaseId phase);
  // One message: leaves after `start` of its source, arrives at `arrived` of its destination.
  TaskId add_message(const ExchangePlan& plan, const Message& message, const std::vector<TaskId>& start,
                     const std::vector<TaskId>& arrived, PhaseId phase);
  void add_messages(const ExchangePlan& plan, const std::vector<TaskId>& start, const std::vector<TaskId>& arrived,
                    PhaseId phase);
  void add_merged_messages(const ExchangePlan& plan, const std::vector<TaskId>& start,
                           const std::vector<TaskId>& arrived, PhaseId phase);

  // What a stream's kernels take of a span of time.
  Picoseconds kernel_time(StreamId stream, Picoseconds from, Picoseconds to) const;
  void sample_arrows(const ExchangePlan& plan, const std::vector<TaskId>& from, const std::vector<TaskId>& to);

  TaskGraph& graph_;
  ClusterNetwork& network_;
  bool shared_attachments_;         // Some ranks have the same routes as others.
  std::vector<StreamId> compute_;   // [ranks]
  std::optional<StreamId> fabric_;  // Where equal exchanges are shown.
  std::optional<Picoseconds> equal_exchange_slack_;
  std::vector<MessageArrow> arrows_;
};

}  // namespace moesim
