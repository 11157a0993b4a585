#pragma once

#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "sim/simulator.hpp"

namespace moesim {

// The workload `rebalance`: moves one layer's expert weights from where `workload.from` has them to where the
// scenario's placement wants them, all ranks idle meanwhile, and runs the layer with either. Fills time, breakdown and
// `rebalance`.
void run_rebalance(const Scenario& scenario, const RebalanceWorkload& workload, Simulator& simulator,
                   ClusterNetwork& network, RunResult& result);

}  // namespace moesim
