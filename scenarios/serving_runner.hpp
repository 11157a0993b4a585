#pragma once

#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/timeline.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// The workloads `prefill` and `decode`: what a batch takes on a whole model, one rank standing for all
// (scenarios/serving_passes.hpp). docs/models/serving.md explains the result.
void run_prefill(const Scenario& scenario, const PrefillWorkload& workload, const Topology& topology,
                 const LinkUse& use, Timeline* timeline, RunResult& result);
void run_decode(const Scenario& scenario, const DecodeWorkload& workload, const Topology& topology, const LinkUse& use,
                Timeline* timeline, RunResult& result);

}  // namespace moesim
