#include "topologies/nvlink_domain.hpp"

#include "topologies/node_ports.hpp"

namespace moesim {
namespace {

std::int64_t max_nodes(const ClusterCard& /*card*/) { return 1; }

BillOfMaterials bill(const ClusterCard& /*card*/, std::int64_t /*nodes*/) { return {}; }

}  // namespace

TopologyKind single_node_kind() {
  return {.name = "single_node", .num_links = NodePorts::num_links, .max_nodes = max_nodes, .bill = bill};
}

}  // namespace moesim
