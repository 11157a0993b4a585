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

// The same by the ends of the links, for any kind: each begins where the one before it ended, or at the other side of a
// joint. No link twice.
std::string walk_fault(const Topology& topology, int source, int destination, const std::vector<LinkId>& links);

// What is wrong with a link's name: "a->b" leads from a to b, where a port of a ("a/global3") is a too and b may leave
// out what it shares with a; "node0/nic1-tx" begins at node0/nic1, "-rx" ends there. Empty if all are right.
std::string name_fault(const Topology& topology);

// Cards of the kinds that have parameters. Dragonfly: p NICs and h global ports a switch, a switches a group, g groups.
ClusterCard dragonfly_card(int p, int a, int h, int g);
ClusterCard graph_card(int switches, const std::vector<std::pair<int, int>>& cables, int nodes);

// How many flows of a uniform all-to-all (one from every rank to every other) cross each link.
std::vector<std::int64_t> all_to_all_load(const Topology& topology);

}  // namespace moesim::test
