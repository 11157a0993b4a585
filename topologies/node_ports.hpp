#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "topologies/cluster_card.hpp"
#include "topologies/link_graph.hpp"

namespace moesim {

// The inside of the nodes of a switched cluster: every rank's two scale-up ports and, where there is anything outside,
// every NIC's two ports, with or without the PCIe link between a GPU and its NIC. They are the first links of the
// graph; a fabric adds its own behind them and says on which switch each NIC hangs.
//
//   gpu --nvlink-tx--> scale-up switch --nvlink-rx--> gpu
//   gpu [--pcie-tx-->] nic --nic-tx--> fabric --nic-rx--> nic [--pcie-rx-->] gpu
class NodePorts {
 public:
  NodePorts(const ClusterCard& card, const GpuCard& gpu, int nodes, LinkGraph& graph);
  static std::int64_t num_links(const ClusterCard& card, std::int64_t nodes);

  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  int num_ranks() const { return static_cast<int>(gpus_.size()); }
  int num_nics() const { return static_cast<int>(nics_.size()); }
  int node_of(RankId rank) const { return graph_.vertices[vertex_of(rank).index()].node; }
  bool same_node(RankId a, RankId b) const { return node_of(a) == node_of(b); }
  VertexId vertex_of(RankId rank) const { return gpus_[rank.index()]; }

  // NICs are numbered node by node; the ranks of a node share its NICs in equal, contiguous parts.
  int nic_of(RankId rank) const;
  int node_of_nic(int nic) const { return graph_.vertices[nic_vertex(nic).index()].node; }
  int nic_in_node(int nic) const { return nic - node_at(node_of_nic(nic)).first_nic; }
  // The rank of the same node on its NIC number `nic`, modulo its NICs; of several the one that has the same place
  // among those of its NIC as `rank`, so that all are used alike.
  RankId rank_at_nic(RankId rank, int nic) const;

  // Appends the route between ranks of one node, and what leads from a rank into the fabric and out of it.
  void route_inside(RankId source, RankId destination, std::vector<LinkId>& out) const;
  void route_out(RankId source, std::vector<LinkId>& out) const;
  void route_in(RankId destination, std::vector<LinkId>& out) const;

  // Hangs a NIC on a switch of the fabric, through a cable that may be another than the card's.
  void attach(int nic, VertexId fabric_switch);
  void attach(int nic, VertexId fabric_switch, Bandwidth bandwidth, Picoseconds latency);

 private:
  struct Node {
    int first_rank;
    int ranks;
    int first_nic;
    int nics;
  };

  void add_scale_up_ports(const ClusterCard& card, const NodeGroup& group, int node);
  void add_nics(const ClusterCard& card, const NodeGroup& group, int node);
  void add_pcie(const ClusterCard& card, int node);
  const Node& node_at(int node) const { return nodes_[static_cast<std::size_t>(node)]; }
  VertexId nic_vertex(int nic) const { return nics_[static_cast<std::size_t>(nic)]; }
  Link& nic_tx(int nic) { return graph_.links[static_cast<std::size_t>(first_nic_link_ + 2 * nic)]; }
  Link& nic_rx(int nic) { return graph_.links[static_cast<std::size_t>(first_nic_link_ + 2 * nic + 1)]; }

  LinkGraph& graph_;
  double scale_out_efficiency_;
  Picoseconds nic_latency_;
  std::vector<Node> nodes_;
  std::vector<VertexId> gpus_;              // [ranks]
  std::vector<VertexId> nics_;              // [NICs]
  std::int64_t first_nic_link_ = 0;         // Two links a NIC, behind two a rank.
  std::optional<std::int64_t> first_pcie_;  // Two links a rank, if any.
};

}  // namespace moesim
