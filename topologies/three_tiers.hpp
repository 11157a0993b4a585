#pragma once

#include "topologies/bill_of_materials.hpp"
#include "topologies/fabric.hpp"

namespace moesim {

// The three-tier fat tree: pods of edge and aggregation switches under cores. With radix r and oversubscription 1: r/2
// NICs an edge, r/2 edges and r/2 aggregation switches a pod, (r/2)^2 cores, r pods (Al-Fares, Loukissas, Vahdat: "A
// scalable, commodity data center network architecture", SIGCOMM 2008).
std::int64_t three_tier_links(const ClusterCard& card, std::int64_t nodes);
std::int64_t three_tier_max_nodes(const ClusterCard& card);
BillOfMaterials three_tier_bill(const ClusterCard& card, std::int64_t nodes);
std::unique_ptr<Fabric> make_three_tiers(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph);

}  // namespace moesim
