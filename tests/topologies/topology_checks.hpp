#pragma once

#include <map>
#include <string>
#include <vector>

#include "topologies/cluster_card.hpp"
#include "topologies/gpu_card.hpp"
#include "topologies/topology.hpp"

namespace moesim::test {

// A GPU with 450 GB/s of scale-up bandwidth a direction over 18 links, one rank a chip.
GpuCard plain_gpu();
// A chip with 300 GB/s over 6 links, shared by `cores` ranks.
GpuCard plain_chip(int cores);

// Cards with round figures: 50 GB/s NICs, latencies of 1 us (NIC), 0.5 us (switch), 0.25 us (scale-up link).
ClusterCard switched_card(const std::string& kind, int ranks_per_node, int radix, int rails);
ClusterCard torus_card(std::vector<int> dims, int cores);

std::vector<LinkId> route(const Topology& topology, int source, int destination);
Picoseconds latency(const Topology& topology, int source, int destination);

// Walks the route by the names of its links, from place to place, and returns what is wrong with it: empty if it leads
// from the source to the destination without a gap. Which switch a NIC is on is derived here from the card's figures,
// independently of the builders.
std::string route_fault(const ClusterCard& card, const Topology& topology, int source, int destination);

// How many flows of a uniform all-to-all (one from every rank to every other) cross each link.
std::vector<std::int64_t> all_to_all_load(const Topology& topology);

}  // namespace moesim::test
