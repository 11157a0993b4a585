#pragma once

#include <cstdint>
#include <string_view>

#include "topologies/bill_of_materials.hpp"
#include "topologies/fabric.hpp"

namespace moesim {

// Two tiers: every NIC on a leaf, every leaf one cable to every spine. Several kinds are this, and differ in which NICs
// share a leaf and which leaves share the spines.
struct LeafSpinePlan {
  int rails = 1;               // NIC n of a node is on rail n mod rails; a leaf serves NICs of one rail.
  bool joined = true;          // All rails share their spines. Otherwise each has its own: nothing joins them.
  std::string_view rail = {};  // The word for a rail in names: "rail", "plane"; empty where there is only one.
};

// The switches of a plan that a number of nodes needs. Leaf l of a rail serves `down` consecutive NICs of that rail.
struct LeafSpineSize {
  std::int64_t down = 0;      // Ports of a leaf to NICs.
  std::int64_t spines = 0;    // Ports of a leaf to spines: one to each that it reaches.
  std::int64_t per_rail = 0;  // Leaves of a rail.
  std::int64_t leaves = 0;    // Of all rails.
  std::int64_t trunks = 0;    // Links from a leaf to the spines in the model: none, one, or one for each spine.

  std::int64_t links() const { return 2 * leaves * trunks; }
};
LeafSpineSize leaf_spine_size(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes);
std::int64_t leaf_spine_links(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes);
// A spine has one port for each leaf.
std::int64_t leaf_spine_max_nodes(const ClusterCard& card, const LeafSpinePlan& plan);
BillOfMaterials leaf_spine_bill(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes);
std::unique_ptr<Fabric> make_leaf_spine(const ClusterCard& card, const LeafSpinePlan& plan, int nodes, NodePorts& ports,
                                        LinkGraph& graph);

// Ports of a switch of the first tier that go down, at the card's oversubscription.
std::int64_t down_ports(const ClusterCard& card);

}  // namespace moesim
