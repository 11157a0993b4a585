#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/units.hpp"
#include "topologies/gpu_card.hpp"
#include "topologies/source_note.hpp"

namespace moesim {

// How a route chooses among equally short paths between switches.
enum class PathChoice {
  deterministic,  // One path for each destination (d-mod-k in trees), as static InfiniBand routing does.
  ecmp,           // By a seeded hash of the pair of ranks: flows collide by chance, as with equal-cost multipath.
  adaptive,       // Spread evenly over all of them: parallel uplinks act as one trunk.
};

// A few equal nodes of a cluster that has several sorts.
struct NodeGroup {
  GpuCard gpu;
  int nodes = 1;
  int ranks_per_node = 1;
  int nics_per_node = 0;  // Divides ranks_per_node.
  Bandwidth nic_bandwidth;
};

// Two ends of a cable, each the name of a switch or a NIC ("node0/nic3").
struct Cable {
  std::string a;
  std::string b;
  Bandwidth bandwidth;  // Each way.
  Picoseconds latency;  // With the switch before it.
};

// What is broken or slow. docs/scenario.md has the kinds.
struct Fault {
  enum class Kind { link_down, link_slow, nic_down, nic_slow, switch_down, gpu_slow };
  Kind kind = Kind::link_down;
  std::string name;   // Of the link, NIC, switch or GPU.
  double factor = 1;  // Of its rate, for those that are slow.
};

// A family of clusters: what its links are, for any number of nodes that its switches allow. A node is a scale-up
// domain: a host with 8 GPUs, an NVL72 rack, one chip of a torus. Which members a kind uses stands beside them; the
// others keep their defaults and are not part of its JSON. docs/models/topologies.md has the pictures.
struct ClusterCard {
  std::string name;  // The catalog's name: "h800-ib".
  std::string description;
  std::string kind;  // A name of topology_kinds(): "rail_optimized".
  std::string gpu;   // The name of a GPU card.
  int nodes = 1;     // Unless a scenario says otherwise.
  int ranks_per_node = 1;
  std::vector<NodeGroup> more_nodes;  // Of other sorts, behind the first `nodes`; kinds with switches.

  // Every kind. In a switched domain a route has two scale-up links (in and out of the switch); in a torus it has one
  // for each hop.
  Picoseconds scale_up_latency;    // Of each link.
  double scale_up_efficiency = 1;  // Achievable fraction of the GPU card's scale-up bandwidth, by measurement.

  // Kinds with NICs and switches.
  int nics_per_node = 0;            // Divides ranks_per_node; neighbouring ranks share a NIC if there are fewer.
  Bandwidth nic_bandwidth;          // One direction, also of every port of the switches.
  Picoseconds nic_latency;          // Host and NIC, at each end.
  Picoseconds switch_latency;       // One switch and the cable behind it.
  double scale_out_efficiency = 1;  // Achievable fraction of nic_bandwidth, by measurement.
  Bandwidth pcie_bandwidth;         // Of the link between a GPU and its NIC, each way; 0: not modelled.
  Picoseconds pcie_latency;
  int switch_radix = 0;         // Ports of a switch.
  double oversubscription = 1;  // Down ports over up ports of a leaf; 1 is non-blocking.

  PathChoice path_choice = PathChoice::deterministic;
  bool nvlink_forwarding = false;       // Traffic for another rail or plane changes to it inside the sender's node.
  bool copper_endpoint_cables = false;  // Between NICs and switches, for the bill of materials.
  std::vector<std::pair<std::string, int>> parameters;  // Those that the kind declares (KindParameter).

  // Kinds with rails.
  int rails = 0;  // Divides nics_per_node; NIC n is on rail n mod rails.

  // A torus.
  std::vector<int> torus_dims;  // Chips along x, y (and z) of the whole machine.
  Bandwidth on_chip_bandwidth;  // From one core of a chip to the others; with one core a chip never used.
  Picoseconds on_chip_latency;

  // A graph.
  std::vector<std::string> switches;  // By name.
  std::vector<Cable> cables;

  std::vector<Fault> faults;
  std::vector<SourceNote> sources;
};

// The nodes of a cluster of which the first `nodes` are the card's own, by sort.
std::vector<NodeGroup> node_groups(const ClusterCard& card, const GpuCard& gpu, int nodes);
// Sums over the same, in 64 bits: a card may ask for more than there can be.
std::int64_t num_ranks(const ClusterCard& card, std::int64_t nodes);
std::int64_t num_nics(const ClusterCard& card, std::int64_t nodes);

}  // namespace moesim
