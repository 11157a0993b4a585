#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "topologies/cluster_card.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// The names that a fault of this kind may have on a topology.
std::vector<std::string> fault_names(const Topology& topology, Fault::Kind kind);

// A topology with faults. A route that crosses nothing dead stays as it was. Others take a shortest one of those that
// are left, through the fabric and inside the two nodes alone: another path of the fabric, or, where the own NIC leads
// nowhere, over NVLink to a neighbour's. Among equals, as the cluster chooses paths: by the destination, or by
// ECMP's hash of the pair.
//
// What the faults do: a link, NIC or switch that is down takes its links with it; one switch of several behind a trunk
// takes its part of the trunk. A slow NIC has both its ports at the factor. A slow GPU has its scale-up and PCIe ports
// and, unless it shares it, its NIC's at the factor.
class FaultyTopology final : public Topology {
 public:
  // The faults' names are among fault_names().
  FaultyTopology(std::unique_ptr<Topology> whole, const ClusterCard& card, std::uint64_t seed);

  int num_ranks() const override { return whole_->num_ranks(); }
  int ranks_per_node() const override { return whole_->ranks_per_node(); }
  int node_of(RankId rank) const override { return whole_->node_of(rank); }
  const LinkGraph& graph() const override { return graph_; }
  VertexId vertex_of(RankId rank) const override { return whole_->vertex_of(rank); }
  bool nodes_forward() const override { return whole_->nodes_forward(); }
  int attachment(RankId rank) const override { return whole_->attachment(rank); }
  bool reachable(RankId source, RankId destination) const override;
  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override;

 private:
  // Where a message can be on its way: the vertices, with NICs split in a sending and a receiving side, so that no way
  // leads through a NIC from one GPU to another.
  using Stop = std::size_t;
  using Distances = std::vector<std::uint16_t>;  // [stops]

  void apply(const Fault& fault);
  void scale(LinkId link, double factor);
  // All links of a vertex, or those to and from what is outside of its node.
  void scale_all(VertexId vertex, double factor);
  void scale_ports(VertexId vertex, double factor);
  void lose_switch(const std::string& name);
  void slow_gpu(VertexId gpu, double factor);
  VertexId vertex_named(const std::string& name) const;

  void add_stops();
  bool alive(LinkId link) const { return alive_[link.index()]; }
  // Whether the link leads out of the fabric into a node that is not the destination's.
  bool is_detour(LinkId link, int destination_node) const;
  // Of every stop from `destination`, over live links.
  const Distances& distances_to(VertexId destination) const;
  Distances measure(VertexId destination) const;

  std::unique_ptr<Topology> whole_;
  LinkGraph graph_;  // With the capacities that are left.
  bool hashed_;
  std::uint64_t seed_;
  std::vector<bool> alive_;                         // [links]
  std::map<int, double> members_left_;              // Of vertices that stand for several switches, some of them lost.
  std::vector<Stop> from_, to_;                     // [links]
  std::vector<std::vector<LinkId>> leave_, enter_;  // [stops]
  std::vector<std::vector<Stop>> join_to_, join_from_;  // [stops]
  mutable std::map<int, Distances> distances_;          // By destination, as they are asked for.
};

// How fast each rank's GPU computes, [ranks]: 1, or the factor of its gpu_slow.
std::vector<double> gpu_speeds(const Topology& topology, const std::vector<Fault>& faults);

// Whether pairs are joined: those among the first `ranks` ranks that are not, up to `most`, and how many there are.
struct UnreachablePairs {
  std::int64_t count = 0;
  std::vector<std::pair<RankId, RankId>> first;
};
UnreachablePairs unreachable_pairs(const Topology& topology, int ranks, std::size_t most);

}  // namespace moesim
