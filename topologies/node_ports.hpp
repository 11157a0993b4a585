#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/cluster_card.hpp"
#include "topologies/gpu_card.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// What the kinds with a switched scale-up domain have in common: every rank's two scale-up ports and, where there is
// anything outside, every NIC's two ports. They are the first links, so that a fabric adds its own behind them.
//
//   rank --nvlink-tx--> scale-up switch --nvlink-rx--> rank
//   rank --nic-tx-----> fabric ----------nic-rx------> rank
class NodePorts {
 public:
  NodePorts(const ClusterCard& card, const GpuCard& gpu, int nodes);
  static std::int64_t num_links(const ClusterCard& card, std::int64_t nodes);

  int num_ranks() const { return nodes_ * ranks_per_node_; }
  int ranks_per_node() const { return ranks_per_node_; }
  int num_nics() const { return nodes_ * nics_per_node_; }
  int nics_per_node() const { return nics_per_node_; }
  bool same_node(RankId a, RankId b) const { return a.value / ranks_per_node_ == b.value / ranks_per_node_; }
  // NICs are numbered node by node; the ranks of a node share its NICs in equal, contiguous parts.
  int nic_of(RankId rank) const;

  LinkId scale_up_tx(RankId rank) const { return LinkId(std::int64_t{2} * rank.value); }
  LinkId scale_up_rx(RankId rank) const { return LinkId(std::int64_t{2} * rank.value + 1); }
  LinkId nic_tx(int nic) const { return LinkId(std::int64_t{2} * num_ranks() + std::int64_t{2} * nic); }
  LinkId nic_rx(int nic) const { return LinkId(std::int64_t{2} * num_ranks() + std::int64_t{2} * nic + 1); }

  // Appends the route inside a node.
  void route_inside(RankId source, RankId destination, std::vector<LinkId>& out) const;

  // A link between switches that carries `ports` ports side by side.
  LinkId add_switch_link(std::string name, int ports);

  const std::vector<Link>& links() const { return links_; }

 private:
  int nodes_;
  int ranks_per_node_;
  int nics_per_node_;
  Bandwidth port_bandwidth_;  // Of one switch port, with the card's efficiency.
  Picoseconds switch_latency_;
  std::vector<Link> links_;
};

}  // namespace moesim
