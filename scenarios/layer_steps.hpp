#pragma once

#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/timeline.hpp"

namespace moesim {

// The workload `moe_layer` with the loads of its steps and layers, one simulation for each. The first fills `result`
// and the timeline, and is the only one on `network`; where there are more, the distribution of their times is
// `result.steps`. `use` is that of `network`.
void run_moe_steps(const Scenario& scenario, const MoeLayerWorkload& workload, const LinkUse& use, Simulator& simulator,
                   ClusterNetwork& network, Timeline* timeline, RunResult& result);

// `times` [steps, layers], row-major, and the rank that computed longest in each.
StepResults step_results(int layers, const std::vector<Picoseconds>& times, const std::vector<int>& stragglers);

// Where the tokens' experts come from, if not from a real router.
void add_router_caveat(const RouterSpec& router, RunResult& result);

}  // namespace moesim
