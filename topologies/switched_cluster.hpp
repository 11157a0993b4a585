#pragma once

#include <cstdint>
#include <memory>

#include "topologies/fabric.hpp"
#include "topologies/node_ports.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// Nodes with a scale-up domain each, whose NICs meet in a fabric; or one node and no fabric. Traffic inside a node
// takes NVLink, all other a path of the fabric, chosen as the card's path_choice says. With nvlink_forwarding, what
// goes to another rail first moves over NVLink to the GPU of its own node that is on that rail (as NCCL's PXN does).
class SwitchedCluster final : public Topology {
 public:
  // No fabric: `make_fabric` is null. `seed` is that of ECMP's hash.
  SwitchedCluster(const ClusterCard& card, const GpuCard& gpu, int nodes, std::uint64_t seed, FabricMaker make_fabric);

  int num_ranks() const override { return ports_.num_ranks(); }
  int ranks_per_node() const override { return ranks_per_node_; }
  int node_of(RankId rank) const override { return ports_.node_of(rank); }
  const LinkGraph& graph() const override { return graph_; }
  VertexId vertex_of(RankId rank) const override { return ports_.vertex_of(rank); }
  bool reachable(RankId source, RankId destination) const override;
  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override;

  // The paths that a route is chosen from, and the route that takes path `index` of them. Only between nodes.
  std::int64_t num_paths(RankId source, RankId destination) const;
  void route_on_path(RankId source, RankId destination, std::int64_t index, std::vector<LinkId>& out) const;

 private:
  // The rank on whose NIC the traffic leaves the node.
  RankId sender(RankId source, RankId destination) const;

  LinkGraph graph_;
  NodePorts ports_;
  std::unique_ptr<Fabric> fabric_;
  int ranks_per_node_;
  bool ecmp_;
  bool forwarding_;
  std::uint64_t seed_;
};

// The hash by which ECMP chooses: 64 bits that are a function of the seed and two numbers.
std::uint64_t ecmp_hash(std::uint64_t seed, std::uint64_t a, std::uint64_t b);

}  // namespace moesim
