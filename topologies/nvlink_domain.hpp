#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "single_node": the ranks of one host behind scale-up switches with full bisection bandwidth.
TopologyKind single_node_kind();

}  // namespace moesim
