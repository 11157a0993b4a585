#include "topologies/switched_cluster.hpp"

#include <algorithm>

#include "sim/rng.hpp"

namespace moesim {
namespace {

int largest_node(const ClusterCard& card) {
  int ranks = card.ranks_per_node;
  for (const NodeGroup& group : card.more_nodes) ranks = std::max(ranks, group.ranks_per_node);
  return ranks;
}

}  // namespace

std::uint64_t ecmp_hash(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto words = philox4x32_10({low(a), high(a), low(b), high(b)}, {low(seed), high(seed)});
  return std::uint64_t{words[1]} << 32 | words[0];
}

SwitchedCluster::SwitchedCluster(const ClusterCard& card, const GpuCard& gpu, int nodes, std::uint64_t seed,
                                 FabricMaker make_fabric)
    : ports_(card, gpu, nodes, graph_),
      ranks_per_node_(largest_node(card)),
      ecmp_(card.path_choice == PathChoice::ecmp),
      forwarding_(card.nvlink_forwarding),
      seed_(seed) {
  if (make_fabric != nullptr) fabric_ = make_fabric(card, nodes, ports_, graph_);
}

RankId SwitchedCluster::sender(RankId source, RankId destination) const {
  if (!forwarding_) return source;
  const int to = ports_.nic_of(destination);
  if (fabric_->rail_of(ports_.nic_of(source)) == fabric_->rail_of(to)) return source;
  return ports_.rank_at_nic(source, ports_.nic_in_node(to));
}

std::int64_t SwitchedCluster::num_paths(RankId source, RankId destination) const {
  return fabric_->num_paths(ports_.nic_of(sender(source, destination)), ports_.nic_of(destination));
}

bool SwitchedCluster::reachable(RankId source, RankId destination) const {
  return ports_.same_node(source, destination) || num_paths(source, destination) > 0;
}

void SwitchedCluster::route_on_path(RankId source, RankId destination, std::int64_t index,
                                    std::vector<LinkId>& out) const {
  const RankId leaves = sender(source, destination);
  if (leaves != source) ports_.route_inside(source, leaves, out);
  ports_.route_out(leaves, out);
  fabric_->append_path(ports_.nic_of(leaves), ports_.nic_of(destination), index, out);
  ports_.route_in(destination, out);
}

void SwitchedCluster::route(RankId source, RankId destination, std::vector<LinkId>& out) const {
  if (ports_.same_node(source, destination)) return ports_.route_inside(source, destination, out);
  std::int64_t index = 0;
  if (ecmp_) {
    const auto paths = static_cast<std::uint64_t>(num_paths(source, destination));
    const auto from = static_cast<std::uint64_t>(source.value);
    index = static_cast<std::int64_t>(ecmp_hash(seed_, from, static_cast<std::uint64_t>(destination.value)) % paths);
  }
  route_on_path(source, destination, index, out);
}

}  // namespace moesim
