#pragma once

#include "topologies/topology_kind.hpp"

namespace moesim {

// "fat_tree": three tiers of equal switches (edge, aggregation, core) over the NICs in their order, or two (leaf,
// spine).
TopologyKind fat_tree_kind();

}  // namespace moesim
