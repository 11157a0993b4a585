#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "topologies/bill_of_materials.hpp"
#include "topologies/cluster_card.hpp"
#include "topologies/fabric.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// A whole number that cards of one kind have beside the members of all: "tiers" of a fat tree.
struct KindParameter {
  std::string_view key;
  int min;
  int max;
  std::optional<int> fallback;  // Where a card does not give it; none: a card must.
  std::string_view meaning;
};

// What is wrong with a card whose keys are each right: the key to blame, and the two halves of a message.
struct CardProblem {
  std::string key;
  std::string found;
  std::string expected;
};

// A kind of cluster: how to build it, how large it may be, and which groups of a card's members it uses.
struct TopologyKind {
  std::string_view name;                           // As in cards: "rail_optimized".
  bool has_switches = false;                       // Uses NICs and switches, of one radix.
  bool has_rails = false;                          // Uses `rails`.
  bool has_planes = false;                         // Rails that only NVLink joins: forwarding is the default.
  bool is_torus = false;                           // Uses the members of a torus.
  bool is_graph = false;                           // Uses `switches` and `cables`.
  bool is_tree = false;                            // Tiers with parallel uplinks: can be oversubscribed, can adapt.
  std::span<const KindParameter> parameters = {};  // Of its own.
  // Its switches, or null: a single node; a kind whose links are no NICs' has `make` instead.
  FabricMaker make_fabric = nullptr;
  std::unique_ptr<Topology> (*make)(const ClusterCard&, const GpuCard&, int nodes) = nullptr;
  // How many links the topology of `nodes` nodes has. Any number of nodes: no limit is checked, nothing is allocated.
  std::int64_t (*num_links)(const ClusterCard&, std::int64_t nodes) = nullptr;
  // The most nodes that the ports of the switches (or the dimensions of the machine) allow.
  std::int64_t (*max_nodes)(const ClusterCard&) = nullptr;
  BillOfMaterials (*bill)(const ClusterCard&, std::int64_t nodes) = nullptr;
  // Whether its members go together; null: they do if each is right.
  std::optional<CardProblem> (*problem)(const ClusterCard&) = nullptr;
};

// Every kind there is. A new one is its own file, its line in topology_kind.cpp, and its test.
std::span<const TopologyKind> topology_kinds();
const TopologyKind* find_topology_kind(std::string_view name);  // Null for a name that is none.

// The card's value of a parameter of its kind.
int parameter(const ClusterCard& card, const KindParameter& which);

// What a cluster of some size is made of and takes, computed before anything is allocated.
struct TopologySize {
  std::int64_t ranks = 0;
  std::int64_t links = 0;
  double bytes = 0;  // Estimate of the links' memory, with their names and their share of the flow network.
};
TopologySize topology_size(const ClusterCard& card, std::int64_t nodes);
BillOfMaterials bill_of_materials(const ClusterCard& card, std::int64_t nodes);

// Why a cluster of this many nodes cannot be built, as the two halves of an error message, or nothing if it can be:
// it would take more than kMaxTopologyBytes, or more ports than its switches have.
inline constexpr double kMaxTopologyBytes = 8.0 * (1 << 30);
struct SizeProblem {
  std::string found;     // "125000000000 nodes, whose 8e+12 links would take 1455191 GiB"
  std::string expected;  // "at most 8 GiB of links"
};
std::optional<SizeProblem> size_problem(const ClusterCard& card, std::int64_t nodes);

// Builds the cluster, without its faults (topologies/faulty_topology.hpp). The card has been checked
// (scenarios/cluster_card_json.hpp) and size_problem() found none. `seed` is that of ECMP's hash.
std::unique_ptr<Topology> make_topology(const ClusterCard& card, const GpuCard& gpu, int nodes, std::uint64_t seed = 1);

}  // namespace moesim
