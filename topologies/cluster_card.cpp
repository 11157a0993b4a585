#include "topologies/cluster_card.hpp"

namespace moesim {

std::vector<NodeGroup> node_groups(const ClusterCard& card, const GpuCard& gpu, int nodes) {
  std::vector<NodeGroup> groups = {{.gpu = gpu,
                                    .nodes = nodes,
                                    .ranks_per_node = card.ranks_per_node,
                                    .nics_per_node = card.nics_per_node,
                                    .nic_bandwidth = card.nic_bandwidth}};
  groups.insert(groups.end(), card.more_nodes.begin(), card.more_nodes.end());
  return groups;
}

std::int64_t num_ranks(const ClusterCard& card, std::int64_t nodes) {
  std::int64_t ranks = nodes * card.ranks_per_node;
  for (const NodeGroup& group : card.more_nodes) ranks += std::int64_t{group.nodes} * group.ranks_per_node;
  return ranks;
}

std::int64_t num_nics(const ClusterCard& card, std::int64_t nodes) {
  std::int64_t nics = nodes * card.nics_per_node;
  for (const NodeGroup& group : card.more_nodes) nics += std::int64_t{group.nodes} * group.nics_per_node;
  return nics;
}

}  // namespace moesim
