#include "scenarios/flow_runner.hpp"

#include <algorithm>
#include <cmath>

#include "models/exchange/collective.hpp"
#include "scenarios/exchange_runner.hpp"
#include "sim/rng.hpp"

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
  ExchangeOptions options;
  if (scenario.dispatch.library) apply_library(*scenario.dispatch.library, ExchangeDirection::dispatch, 1, options);
  result.time = run_plan(plan_all_to_all(ranks, sizes, in_steps, options), simulator, network, "all_to_all");
  result.breakdown = {{"all_to_all", result.time}};
  result.exposed_communication = result.time;
}

}  // namespace moesim
