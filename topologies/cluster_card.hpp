#pragma once

#include <string>
#include <vector>

#include "sim/units.hpp"
#include "topologies/source_note.hpp"

namespace moesim {

// How an up-going route chooses among the equal spines.
enum class SpineRouting {
  destination,  // One spine for each destination port (d-mod-k), as static InfiniBand routing does.
  adaptive,     // Spread evenly over all of them: a leaf's uplinks act as one trunk.
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
  int switch_radix = 0;             // Ports of a switch.
  double oversubscription = 1;      // Down ports over up ports of a leaf; 1 is non-blocking.

  // Kinds with rails.
  int rails = 0;  // Divides nics_per_node; NIC n is on rail n mod rails.
  SpineRouting spine_routing = SpineRouting::destination;

  // A torus.
  std::vector<int> torus_dims;  // Chips along x, y (and z) of the whole machine.
  Bandwidth on_chip_bandwidth;  // From one core of a chip to the others; with one core a chip never used.
  Picoseconds on_chip_latency;

  std::vector<SourceNote> sources;
};

}  // namespace moesim
