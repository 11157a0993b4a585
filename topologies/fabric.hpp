#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "topologies/link_graph.hpp"
#include "topologies/node_ports.hpp"

namespace moesim {

// The switches between NICs, and the paths through them. NICs are numbered node by node (NodePorts).
class Fabric {
 public:
  virtual ~Fabric() = default;

  // How many equally short paths lead from one NIC to another; 0 if none does. from != to.
  virtual std::int64_t num_paths(int from, int to) const = 0;
  // Appends the links between switches of path `index` < num_paths(from, to): none where both NICs hang on one switch.
  // Path 0 is the one that deterministic routing takes.
  virtual void append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const = 0;
  // NICs of one rail (or plane) reach each other without the spines that join rails, where there are any.
  virtual int rail_of(int /*nic*/) const { return 0; }
};

// Adds a fabric's switches and links to a graph that holds the nodes', and hangs every NIC on a switch.
using FabricMaker = std::unique_ptr<Fabric> (*)(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph);

}  // namespace moesim
