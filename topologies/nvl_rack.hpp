#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "nvl_rack": racks that are one scale-up domain each (NVL72), joined by NICs on a few rails.
TopologyKind nvl_rack_kind();

}  // namespace moesim
