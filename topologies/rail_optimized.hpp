#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "rail_optimized": nodes of GPUs whose n-th NICs meet in the leaf switches of rail n; all leaves meet in the spines.
TopologyKind rail_optimized_kind();

}  // namespace moesim
