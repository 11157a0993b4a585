#include "topologies/node_ports.hpp"

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {

NodePorts::NodePorts(const ClusterCard& card, const GpuCard& gpu, int nodes)
    : nodes_(nodes),
      ranks_per_node_(card.ranks_per_node),
      nics_per_node_(card.nics_per_node),
      port_bandwidth_(card.scale_out_efficiency * card.nic_bandwidth),
      switch_latency_(card.switch_latency) {
  MOESIM_CHECK(nodes >= 1 && ranks_per_node_ >= 1, "{} nodes of {} ranks", nodes, ranks_per_node_);
  MOESIM_CHECK(nics_per_node_ == 0 || ranks_per_node_ % nics_per_node_ == 0, "{} NICs for {} ranks", nics_per_node_,
               ranks_per_node_);
  links_.reserve(static_cast<std::size_t>(num_links(card, nodes)));
  const Bandwidth scale_up = card.scale_up_efficiency * gpu.scale_up_bandwidth;
  const std::string port = scale_up_port(gpu);
  for (int node = 0; node < nodes; ++node) {
    for (int rank = 0; rank < ranks_per_node_; ++rank) {
      for (const char* way : {"tx", "rx"}) {
        links_.push_back({fmt::format("node{}/gpu{}/{}-{}", node, rank, port, way), scale_up, card.scale_up_latency,
                          LinkClass::scale_up});
      }
    }
  }
  for (int node = 0; node < nodes; ++node) {
    for (int nic = 0; nic < nics_per_node_; ++nic) {
      // A switch's latency stands on the link that leaves it, so the port into the last switch's host carries one.
      links_.push_back(
          {fmt::format("node{}/nic{}-tx", node, nic), port_bandwidth_, card.nic_latency, LinkClass::scale_out});
      links_.push_back({fmt::format("node{}/nic{}-rx", node, nic), port_bandwidth_, card.nic_latency + switch_latency_,
                        LinkClass::scale_out});
    }
  }
}

std::int64_t NodePorts::num_links(const ClusterCard& card, std::int64_t nodes) {
  return 2 * nodes * (card.ranks_per_node + card.nics_per_node);
}

int NodePorts::nic_of(RankId rank) const {
  const int node = rank.value / ranks_per_node_;
  const int local = rank.value % ranks_per_node_;
  return node * nics_per_node_ + local / (ranks_per_node_ / nics_per_node_);
}

void NodePorts::route_inside(RankId source, RankId destination, std::vector<LinkId>& out) const {
  out.push_back(scale_up_tx(source));
  out.push_back(scale_up_rx(destination));
}

LinkId NodePorts::add_switch_link(std::string name, int ports) {
  links_.push_back(
      {std::move(name), static_cast<double>(ports) * port_bandwidth_, switch_latency_, LinkClass::scale_out});
  return LinkId(static_cast<std::int64_t>(links_.size()) - 1);
}

}  // namespace moesim
