#pragma once

#include <memory>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// The scenario's cluster with its faults.
std::unique_ptr<Topology> build_topology(const Scenario& scenario);

// Refuses faults of what is not there, with the nearest names, and pairs of ranks that the workload needs and that
// nothing joins any more (or ever did), with their count and the first of them. `reader` is at the scenario.
void check_topology(const Scenario& scenario, const JsonReader& reader);

}  // namespace moesim
