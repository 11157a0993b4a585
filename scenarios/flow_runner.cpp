#include "scenarios/flow_runner.hpp"

#include <algorithm>
#include <cmath>

#include "sim/rng.hpp"
#include "sim/task_graph.hpp"

namespace moesim {
namespace {

class FinishTimes final : public FlowListener {
 public:
  FinishTimes(const Simulator& simulator, std::size_t flows) : simulator_(simulator), at_(flows) {}
  void on_flow_finished(FlowId, std::uint64_t tag) override { at_[tag] = simulator_.now(); }
  Picoseconds at(std::size_t flow) const { return at_[flow]; }

 private:
  const Simulator& simulator_;
  std::vector<Picoseconds> at_;
};

// Bytes from each rank to each other, [ranks, ranks] row-major. Lognormal sizes have the mean `bytes_per_pair`:
// exp(sigma * normal - sigma^2 / 2) has mean 1.
std::vector<Bytes> pair_sizes(const AllToAllWorkload& workload, int ranks, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(ranks);
  std::vector<Bytes> sizes(n * n);
  for (std::size_t source = 0; source < n; ++source) {
    Rng rng(seed, source);
    for (std::size_t destination = 0; destination < n; ++destination) {
      if (source == destination) continue;
      Bytes& size = sizes[source * n + destination];
      if (!workload.matrix.empty()) {
        size = {workload.matrix[source * n + destination]};
      } else if (workload.sigma) {
        const double factor = std::exp(*workload.sigma * (rng.normal() - *workload.sigma / 2));
        size = {std::llround(static_cast<double>(workload.bytes_per_pair.count) * factor)};
      } else {
        size = workload.bytes_per_pair;
      }
    }
  }
  return sizes;
}

}  // namespace

void run_flows(const FlowsWorkload& workload, Simulator& simulator, ClusterNetwork& network, RunResult& result) {
  FinishTimes finish(simulator, workload.flows.size());
  network.flows().set_listener(&finish);
  for (std::size_t i = 0; i < workload.flows.size(); ++i) {
    const FlowRequest& flow = workload.flows[i];
    // A flow that starts later is one whose first byte takes that much longer to leave.
    network.flows().start(
        {.route = network.route(flow.source, flow.destination), .bytes = flow.bytes, .start_up = flow.start, .tag = i});
  }
  simulator.run();
  network.flows().set_listener(nullptr);
  for (std::size_t i = 0; i < workload.flows.size(); ++i) {
    result.flows.push_back({workload.flows[i], finish.at(i)});
    result.time = std::max(result.time, finish.at(i));
  }
  result.breakdown = {{"flows", result.time}};
  result.exposed_communication = result.time;
}

void run_all_to_all(const Scenario& scenario, const AllToAllWorkload& workload, Simulator& simulator,
                    ClusterNetwork& network, RunResult& result) {
  const int ranks = scenario.parallelism.ep;
  const std::vector<Bytes> sizes = pair_sizes(workload, ranks, scenario.seed);
  const bool in_steps = scenario.dispatch.algorithm == ExchangeAlgorithm::pairwise;
  TaskGraph graph(simulator, network.flows());
  const PhaseId phase = graph.add_phase("all_to_all");
  std::vector<TaskId> sent(static_cast<std::size_t>(ranks));      // What each rank sent in the last step,
  std::vector<TaskId> received(static_cast<std::size_t>(ranks));  // and what it received.
  for (int step = 1; step < ranks; ++step) {
    std::vector<TaskId> sends;
    for (int source = 0; source < ranks; ++source) {
      const int destination = (source + step) % ranks;
      const Bytes size = sizes[static_cast<std::size_t>(source) * static_cast<std::size_t>(ranks) +
                               static_cast<std::size_t>(destination)];
      const TaskId send =
          graph.add_transfer({.route = network.route(RankId{source}, RankId{destination}), .bytes = size}, phase);
      if (in_steps && step > 1) {
        graph.depends(send, sent[static_cast<std::size_t>(source)]);
        graph.depends(send, received[static_cast<std::size_t>(source)]);
      }
      sends.push_back(send);
    }
    for (int source = 0; source < ranks; ++source) {
      sent[static_cast<std::size_t>(source)] = sends[static_cast<std::size_t>(source)];
      received[static_cast<std::size_t>((source + step) % ranks)] = sends[static_cast<std::size_t>(source)];
    }
  }
  graph.run();
  result.time = graph.makespan();
  result.breakdown = {{"all_to_all", result.time}};
  result.exposed_communication = result.time;
}

}  // namespace moesim
