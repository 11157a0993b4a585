#pragma once

#include <unordered_map>
#include <vector>

#include "sim/flow_network.hpp"
#include "sim/simulator.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// Part of their capacity that what runs makes of the links of each class: a library's protocol, the way its kernels
// copy.
struct LinkUse {
  double scale_up = 1;
  double scale_out = 1;
};

// A topology in use: its links as a FlowNetwork, and the routes between ranks, each stored once, when first asked for.
class ClusterNetwork {
 public:
  ClusterNetwork(Simulator& simulator, const Topology& topology, const LinkUse& use = {});

  FlowNetwork& flows() { return flows_; }
  const FlowNetwork& flows() const { return flows_; }
  const Topology& topology() const { return topology_; }
  RouteId route(RankId source, RankId destination);
  Bandwidth capacity(LinkId link) const;  // In use.

  // Bytes that crossed a link, in flows or by carry().
  Bytes bytes_carried(LinkId link) const { return flows_.bytes_carried(link) + carried_[link.index()]; }
  // Books bytes on a link that no flow stands for (scenarios/equal_exchange.hpp).
  void carry(LinkId link, Bytes bytes) { carried_[link.index()] += bytes; }

 private:
  const Topology& topology_;
  LinkUse use_;
  FlowNetwork flows_;
  std::unordered_map<std::uint64_t, RouteId> routes_;  // Looked up, never walked: its order cannot reach a result.
  std::vector<LinkId> scratch_;
  std::vector<Bytes> carried_;  // [links]
};

}  // namespace moesim
