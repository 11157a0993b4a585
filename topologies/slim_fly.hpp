#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "slim_fly": switches joined as a McKay-Miller-Siran graph: every two are at most two cables apart.
TopologyKind slim_fly_kind();

}  // namespace moesim
