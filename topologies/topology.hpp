#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

// Inside a node's scale-up domain (NVLink, a TPU chip), or between nodes (NICs, switches, the links of a torus).
enum class LinkClass { scale_up, scale_out };

// One direction of a physical link.
struct Link {
  std::string name;  // As in results and traces: "node3/gpu2/nvlink-tx", "rail4/leaf0->spine1".
  Bandwidth capacity;
  Picoseconds latency;
  LinkClass link_class;
};

// A cluster as the flow network sees it: links, and the route between any two ranks. Ranks are numbered node by node.
// Routes are deterministic: the same pair always takes the same links.
class Topology {
 public:
  virtual ~Topology() = default;

  virtual int num_ranks() const = 0;
  virtual int ranks_per_node() const = 0;  // Of one scale-up domain: a host, an NVL72 rack, one chip of a torus.
  virtual std::span<const Link> links() const = 0;
  // Appends the links from `source` to `destination` in order; source != destination.
  virtual void route(RankId source, RankId destination, std::vector<LinkId>& out) const = 0;
  // Ranks with the same attachment have the same routes to everybody else (the two cores of a TPU v3 chip, say).
  virtual int attachment(RankId rank) const { return rank.value; }

  int node_of(RankId rank) const { return rank.value / ranks_per_node(); }
};

}  // namespace moesim
