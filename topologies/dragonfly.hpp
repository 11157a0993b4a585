#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "dragonfly": groups of switches that are all joined to each other; every two groups are joined by a cable or more.
TopologyKind dragonfly_kind();

}  // namespace moesim
