#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "multi_plane": the n-th NICs of all nodes form a plane of their own, a two-tier fat tree; only the nodes join planes.
TopologyKind multi_plane_kind();

}  // namespace moesim
