#include "topologies/node_ports.hpp"

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {

NodePorts::NodePorts(const ClusterCard& card, const GpuCard& gpu, int nodes, LinkGraph& graph)
    : graph_(graph), scale_out_efficiency_(card.scale_out_efficiency), nic_latency_(card.nic_latency) {
  std::vector<NodeGroup> sorts = node_groups(card, gpu, nodes);
  std::vector<const NodeGroup*> sort_of;  // [nodes]
  for (const NodeGroup& sort : sorts) {
    MOESIM_CHECK(sort.nodes >= 1 && sort.ranks_per_node >= 1, "{} nodes of {} ranks", sort.nodes, sort.ranks_per_node);
    MOESIM_CHECK(sort.nics_per_node == 0 || sort.ranks_per_node % sort.nics_per_node == 0, "{} NICs for {} ranks",
                 sort.nics_per_node, sort.ranks_per_node);
    sort_of.insert(sort_of.end(), static_cast<std::size_t>(sort.nodes), &sort);
  }
  graph_.links.reserve(static_cast<std::size_t>(num_links(card, nodes)));
  const int total = static_cast<int>(sort_of.size());
  for (int node = 0; node < total; ++node) add_scale_up_ports(card, *sort_of[static_cast<std::size_t>(node)], node);
  first_nic_link_ = static_cast<std::int64_t>(graph_.links.size());
  for (int node = 0; node < total; ++node) add_nics(card, *sort_of[static_cast<std::size_t>(node)], node);
  if (card.pcie_bandwidth.bytes_per_s() > 0) first_pcie_ = static_cast<std::int64_t>(graph_.links.size());
  for (int node = 0; node < total; ++node) add_pcie(card, node);
}

std::int64_t NodePorts::num_links(const ClusterCard& card, std::int64_t nodes) {
  const std::int64_t ranks = moesim::num_ranks(card, nodes);
  const bool pcie = card.pcie_bandwidth.bytes_per_s() > 0;
  return 2 * (ranks + moesim::num_nics(card, nodes) + (pcie ? ranks : 0));
}

void NodePorts::add_scale_up_ports(const ClusterCard& card, const NodeGroup& group, int node) {
  nodes_.push_back({num_ranks(), group.ranks_per_node, node == 0 ? 0 : nodes_.back().first_nic + nodes_.back().nics,
                    group.nics_per_node});
  const Bandwidth scale_up = card.scale_up_efficiency * group.gpu.scale_up_bandwidth;
  const std::string port = scale_up_port(group.gpu);
  const VertexId domain =
      graph_.add_vertex({fmt::format("node{}/{}-switch", node, port), Vertex::Kind::scale_up_switch, node});
  for (int rank = 0; rank < group.ranks_per_node; ++rank) {
    const std::string name = fmt::format("node{}/gpu{}", node, rank);
    gpus_.push_back(graph_.add_vertex({name, Vertex::Kind::gpu, node}));
    graph_.add_link({fmt::format("{}/{}-tx", name, port), scale_up, card.scale_up_latency, LinkClass::scale_up,
                     gpus_.back(), domain});
    graph_.add_link({fmt::format("{}/{}-rx", name, port), scale_up, card.scale_up_latency, LinkClass::scale_up, domain,
                     gpus_.back()});
  }
}

void NodePorts::add_nics(const ClusterCard& card, const NodeGroup& group, int node) {
  const Bandwidth bandwidth = scale_out_efficiency_ * group.nic_bandwidth;
  for (int nic = 0; nic < group.nics_per_node; ++nic) {
    const std::string name = fmt::format("node{}/nic{}", node, nic);
    nics_.push_back(graph_.add_vertex({name, Vertex::Kind::nic, node}));
    // A switch's latency stands on the link that leaves it, so the port into the last switch's host carries one.
    graph_.add_link({name + "-tx", bandwidth, nic_latency_, LinkClass::scale_out, nics_.back(), {}});
    graph_.add_link(
        {name + "-rx", bandwidth, nic_latency_ + card.switch_latency, LinkClass::scale_out, {}, nics_.back()});
  }
}

void NodePorts::add_pcie(const ClusterCard& card, int node) {
  const Node& place = node_at(node);
  for (int local = 0; place.nics > 0 && local < place.ranks; ++local) {
    const RankId rank(std::int64_t{place.first_rank} + local);
    const VertexId gpu = vertex_of(rank);
    const VertexId nic = nic_vertex(nic_of(rank));
    if (!first_pcie_) {
      graph_.joints.push_back({gpu, nic});
      continue;
    }
    const std::string& name = graph_.vertices[gpu.index()].name;
    graph_.add_link({name + "/pcie-tx", card.pcie_bandwidth, card.pcie_latency, LinkClass::scale_out, gpu, nic});
    graph_.add_link({name + "/pcie-rx", card.pcie_bandwidth, card.pcie_latency, LinkClass::scale_out, nic, gpu});
  }
}

int NodePorts::nic_of(RankId rank) const {
  const Node& node = node_at(node_of(rank));
  return node.first_nic + (rank.value - node.first_rank) / (node.ranks / node.nics);
}

RankId NodePorts::rank_at_nic(RankId rank, int nic) const {
  const Node& node = node_at(node_of(rank));
  const int sharing = node.ranks / node.nics;
  return RankId(std::int64_t{node.first_rank} + (nic % node.nics) * sharing + (rank.value - node.first_rank) % sharing);
}

void NodePorts::route_inside(RankId source, RankId destination, std::vector<LinkId>& out) const {
  out.push_back(LinkId(std::int64_t{2} * source.value));
  out.push_back(LinkId(std::int64_t{2} * destination.value + 1));
}

void NodePorts::route_out(RankId source, std::vector<LinkId>& out) const {
  if (first_pcie_) out.push_back(LinkId(*first_pcie_ + std::int64_t{2} * source.value));
  out.push_back(LinkId(first_nic_link_ + std::int64_t{2} * nic_of(source)));
}

void NodePorts::route_in(RankId destination, std::vector<LinkId>& out) const {
  out.push_back(LinkId(first_nic_link_ + std::int64_t{2} * nic_of(destination) + 1));
  if (first_pcie_) out.push_back(LinkId(*first_pcie_ + std::int64_t{2} * destination.value + 1));
}

void NodePorts::attach(int nic, VertexId fabric_switch) {
  nic_tx(nic).to = fabric_switch;
  nic_rx(nic).from = fabric_switch;
}

void NodePorts::attach(int nic, VertexId fabric_switch, Bandwidth bandwidth, Picoseconds latency) {
  attach(nic, fabric_switch);
  nic_tx(nic).capacity = nic_rx(nic).capacity = scale_out_efficiency_ * bandwidth;
  nic_rx(nic).latency = nic_latency_ + latency;
}

}  // namespace moesim
