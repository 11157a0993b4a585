#pragma once

#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/timeline.hpp"
#include "sim/simulator.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// The workload `training_step`: one optimizer step of a whole model.
//
// Ranks that do the same at the same time are simulated once: one rank stands for each pipeline rank, its exchanges and
// collectives are simulated among all ranks of one group, once for each kind, and what a micro-batch takes on a rank is
// scheduled from these on its lanes. The event engine then runs every slot of every pipeline rank's schedule.
void run_training(const Scenario& scenario, const TrainingWorkload& workload, const Topology& topology,
                  const LinkUse& use, Simulator& simulator, ClusterNetwork& network, Timeline* timeline,
                  RunResult& result);

}  // namespace moesim
