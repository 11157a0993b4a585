#include "topologies/rail_optimized.hpp"

#include "topologies/leaf_spine.hpp"

namespace moesim {
namespace {

LeafSpinePlan plan(const ClusterCard& card) { return {.rails = card.rails, .joined = true, .rail = "rail"}; }

std::unique_ptr<Fabric> make(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph) {
  return make_leaf_spine(card, plan(card), nodes, ports, graph);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  return leaf_spine_links(card, plan(card), nodes);
}

std::int64_t max_nodes(const ClusterCard& card) { return leaf_spine_max_nodes(card, plan(card)); }

BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) { return leaf_spine_bill(card, plan(card), nodes); }

}  // namespace

TopologyKind rail_optimized_kind() {
  return {.name = "rail_optimized",
          .has_switches = true,
          .has_rails = true,
          .is_tree = true,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill};
}

}  // namespace moesim
