#pragma once

#include "models/routing/layer_load.hpp"
#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/timeline.hpp"

namespace moesim {

// The workload `moe_layer`: one MoE layer of the model on one expert-parallel group, the first `ep` ranks of the
// cluster, with the tokens of `load`. `timeline` may be null. Fills everything in `result` that applies to a layer but
// links and events.
void run_moe_layer(const Scenario& scenario, const MoeLayerWorkload& workload, const LayerLoad& load,
                   Simulator& simulator, ClusterNetwork& network, Timeline* timeline, RunResult& result);

}  // namespace moesim
