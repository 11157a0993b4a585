#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "topologies/cluster_card.hpp"
#include "topologies/gpu_card.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// A kind of cluster: how to build it, how large it may be, and which groups of a card's members it uses.
struct TopologyKind {
  std::string_view name;  // As in cards: "rail_optimized".
  bool has_switches;      // Uses NICs and switches.
  bool has_rails;
  bool is_torus;
  // The topology of `nodes` nodes, 1 <= nodes <= max_nodes.
  std::unique_ptr<Topology> (*make)(const ClusterCard&, const GpuCard&, int nodes);
  // How many links `make` creates. Any number of nodes: no limit is checked and nothing is allocated.
  std::int64_t (*num_links)(const ClusterCard&, std::int64_t nodes);
  // The most nodes that the ports of the switches (or the dimensions of the machine) allow.
  std::int64_t (*max_nodes)(const ClusterCard&);
};

// Every kind there is. A new one is its own file, its line in topology_kind.cpp, and its test.
std::span<const TopologyKind> topology_kinds();
const TopologyKind* find_topology_kind(std::string_view name);  // Null for a name that is none.

// What a cluster of some size is made of and takes, computed before anything is allocated.
struct TopologySize {
  std::int64_t ranks = 0;
  std::int64_t links = 0;
  double bytes = 0;  // Estimate of the links' memory, with their names and their share of the flow network.
};
TopologySize topology_size(const ClusterCard& card, std::int64_t nodes);

// Why a cluster of this many nodes cannot be built, as the two halves of an error message, or nothing if it can be:
// it would take more than kMaxTopologyBytes, or more ports than its switches have.
inline constexpr double kMaxTopologyBytes = 8.0 * (1 << 30);
struct SizeProblem {
  std::string found;     // "125000000000 nodes, whose 8e+12 links would take 1455191 GiB"
  std::string expected;  // "at most 8 GiB of links"
};
std::optional<SizeProblem> size_problem(const ClusterCard& card, std::int64_t nodes);

// Builds the cluster. The card has been checked (scenarios/cluster_card_json.hpp) and size_problem() found none.
std::unique_ptr<Topology> make_topology(const ClusterCard& card, const GpuCard& gpu, int nodes);

}  // namespace moesim
