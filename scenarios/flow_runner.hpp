#pragma once

#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// The workload `flows`: each flow starts at its own time. Fills time, breakdown and the finish of every flow.
void run_flows(const FlowsWorkload& workload, Simulator& simulator, ClusterNetwork& network, RunResult& result);

// The workload `all_to_all`: every rank of the group to every other, at once (`direct`) or in P - 1 steps in which
// rank r sends to r + step (`pairwise`).
void run_all_to_all(const Scenario& scenario, const AllToAllWorkload& workload, Simulator& simulator,
                    ClusterNetwork& network, RunResult& result);

}  // namespace moesim
