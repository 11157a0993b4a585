#pragma once

#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "topologies/link_graph.hpp"

namespace moesim {

// A cluster as the flow network sees it: links, and the route between any two ranks. Ranks are numbered node by node.
// Routes are deterministic: the same pair always takes the same links. One topology belongs to one thread.
class Topology {
 public:
  virtual ~Topology() = default;

  virtual int num_ranks() const = 0;
  // Of one scale-up domain: a host, an NVL72 rack, one chip of a torus. Where nodes differ, of the largest.
  virtual int ranks_per_node() const = 0;
  virtual int node_of(RankId rank) const { return rank.value / ranks_per_node(); }
  virtual const LinkGraph& graph() const = 0;
  std::span<const Link> links() const { return graph().links; }
  virtual VertexId vertex_of(RankId rank) const = 0;  // The GPU, or the chip that the rank is a core of.

  // Whether messages between others pass through a node's own links: the chips of a torus are its switches.
  virtual bool nodes_forward() const { return false; }

  // Whether there is a route. Without faults there always is one, but where planes are joined by nothing.
  virtual bool reachable(RankId /*source*/, RankId /*destination*/) const { return true; }
  // Appends the links from `source` to `destination` in order; source != destination, and reachable from it.
  virtual void route(RankId source, RankId destination, std::vector<LinkId>& out) const = 0;
  // Ranks with the same attachment have the same routes to everybody else (the two cores of a TPU v3 chip, say).
  virtual int attachment(RankId rank) const { return rank.value; }
};

}  // namespace moesim
