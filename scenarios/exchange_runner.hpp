#pragma once

#include <string_view>

#include "models/exchange/collective.hpp"
#include "models/exchange/exchange_plan.hpp"
#include "scenarios/cluster_network.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "sim/simulator.hpp"

namespace moesim {

// What the workload `collective` asks for on this cluster: across nodes over as many rings or double trees as a node
// has NICs (without NICs, ranks).
CollectiveRequest collective_request(const CollectiveWorkload& workload, const ClusterCard& cluster);

// Runs the messages of a plan, all ranks ready at once. The result is when the last one has arrived.
Picoseconds run_plan(const ExchangePlan& plan, Simulator& simulator, ClusterNetwork& network, std::string_view phase);

// The workload `exchange`: the dispatch or the combine of routed tokens. Fills time, breakdown, copies and traffic.
void run_exchange(const Scenario& scenario, const ExchangeWorkload& workload, Simulator& simulator,
                  ClusterNetwork& network, RunResult& result);

// The workload `collective`. Fills time, breakdown and bandwidths.
void run_collective(const Scenario& scenario, const CollectiveWorkload& workload, Simulator& simulator,
                    ClusterNetwork& network, RunResult& result);

}  // namespace moesim
