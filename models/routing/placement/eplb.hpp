#pragma once

#include <span>

#include "models/routing/placement/expert_placement.hpp"

namespace moesim {

struct EplbShape {
  int slots = 0;   // Physical experts in all; the ranks divide them, and they are at least the logical experts.
  int groups = 1;  // Of neighbouring experts, that the router chooses among; they divide the experts.
  int nodes = 1;   // They divide the ranks.
  int ranks = 1;
};

// The expert-parallel load balancer of DeepSeek (github.com/deepseek-ai/EPLB, as its README describes it) for the
// loads [experts] of one layer.
//
// Hierarchical, where the nodes divide the groups: whole groups are packed evenly to nodes; then in each node the
// experts whose replicas carry most are replicated; then the node's physical experts are packed evenly to its ranks.
// Otherwise global: the same as if all ranks were one node with one group.
ExpertPlacement eplb(std::span<const double> loads, const EplbShape& shape);

// Whether eplb() keeps groups whole on nodes.
bool is_hierarchical(const EplbShape& shape);

}  // namespace moesim
