#include "scenarios/layer_steps.hpp"

#include <algorithm>
#include <map>

#include "models/routing/load_sequence.hpp"
#include "scenarios/layer_runner.hpp"
#include "scenarios/placed_routing.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// The smallest time that at least this part of all times do not exceed; `sorted` ascending.
Picoseconds percentile(const std::vector<Picoseconds>& sorted, std::size_t percent) {
  const std::size_t place = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<std::size_t>(place, 1) - 1];
}

}  // namespace

StepResults step_results(int layers, const std::vector<Picoseconds>& times, const std::vector<int>& stragglers) {
  MOESIM_CHECK(!times.empty() && times.size() == stragglers.size(), "{} times, {} stragglers", times.size(),
               stragglers.size());
  StepResults results;
  results.layers = layers;
  results.steps = static_cast<int>(times.size()) / layers;
  results.times = times;
  std::vector<Picoseconds> sorted = times;
  std::sort(sorted.begin(), sorted.end());
  Picoseconds sum;
  for (const Picoseconds time : sorted) sum += time;
  results.mean = {(sum.count + std::ssize(times) - 1) / std::ssize(times)};
  results.min = sorted.front();
  results.p50 = percentile(sorted, 50);
  results.p99 = percentile(sorted, 99);
  results.max = sorted.back();
  const auto slowest = static_cast<int>(std::max_element(times.begin(), times.end()) - times.begin());
  results.slowest_step = slowest / layers;
  results.slowest_layer = slowest % layers;

  std::map<int, int> counts;
  for (const int rank : stragglers) ++counts[rank];
  results.stragglers.assign(counts.begin(), counts.end());
  std::stable_sort(results.stragglers.begin(), results.stragglers.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return results;
}

void run_moe_steps(const Scenario& scenario, const MoeLayerWorkload& workload, const LinkUse& use, Simulator& simulator,
                   ClusterNetwork& network, Timeline* timeline, RunResult& result) {
  const RouterSpec& router = *scenario.routing;
  const LayerInput input = layer_input(scenario, workload, network.topology());
  const std::vector<RankId> home = trained_places(input, scenario.placement.spec.kind);
  LoadSequence loads(router, input.layout, home, workload.tokens_per_rank, workload.layers, scenario.seed);
  run_moe_layer(scenario, workload, loads.load(0), simulator, network, timeline, result);
  if (workload.steps == 1 && workload.layers == 1) return;

  std::vector<Picoseconds> times{result.time};
  std::vector<int> stragglers{result.kernels->rank};
  for (int step = 0; step < workload.steps; ++step) {
    if (step > 0) loads.next_step();
    for (int layer = step == 0 ? 1 : 0; layer < workload.layers; ++layer) {
      Simulator own_simulator;
      ClusterNetwork own_network(own_simulator, network.topology(), use);
      own_network.flows().set_tolerance(scenario.network.tolerance);
      RunResult one;
      run_moe_layer(scenario, workload, loads.load(layer), own_simulator, own_network, nullptr, one);
      times.push_back(one.time);
      stragglers.push_back(one.kernels->rank);
    }
  }
  result.steps = step_results(workload.layers, times, stragglers);
}

void add_router_caveat(const RouterSpec& router, RunResult& result) {
  if (router.kind == RoutingKind::recorded) return;
  if (router.skew.kind == SkewKind::loads) {
    result.caveats.push_back({"synthetic_router",
                              "Tokens were routed by a synthetic router to the recorded loads of the experts; which "
                              "experts a trained one chooses together is not in them."});
    return;
  }
  result.caveats.push_back(
      {"synthetic_router", "Tokens were routed by a synthetic router; loads of a trained one differ."});
}

}  // namespace moesim
