#pragma once

#include <vector>

#include "topologies/topology_kind.hpp"

namespace moesim {

// "torus": chips in a 2-D or 3-D grid whose rows close to rings, one link to each neighbour.
TopologyKind torus_kind();

// The lengths of the sides for this many chips: the card's own where they multiply to it, else as many sides, as equal
// as they get, in ascending order.
std::vector<int> torus_shape(const ClusterCard& card, int chips);

}  // namespace moesim
