#include "topologies/fat_tree.hpp"

#include <array>

#include "topologies/leaf_spine.hpp"
#include "topologies/three_tiers.hpp"

namespace moesim {
namespace {

constexpr std::array kParameters = {
    KindParameter{"tiers", 2, 3, 3, "Of switches: leaf and spine, or edge, aggregation and core"}};
constexpr LeafSpinePlan kTwoTiers = {};

bool has_two_tiers(const ClusterCard& card) { return parameter(card, kParameters[0]) == 2; }

std::unique_ptr<Fabric> make(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph) {
  return has_two_tiers(card) ? make_leaf_spine(card, kTwoTiers, nodes, ports, graph)
                             : make_three_tiers(card, nodes, ports, graph);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  return has_two_tiers(card) ? leaf_spine_links(card, kTwoTiers, nodes) : three_tier_links(card, nodes);
}

std::int64_t max_nodes(const ClusterCard& card) {
  return has_two_tiers(card) ? leaf_spine_max_nodes(card, kTwoTiers) : three_tier_max_nodes(card);
}

BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) {
  return has_two_tiers(card) ? leaf_spine_bill(card, kTwoTiers, nodes) : three_tier_bill(card, nodes);
}

}  // namespace

TopologyKind fat_tree_kind() {
  return {.name = "fat_tree",
          .has_switches = true,
          .is_tree = true,
          .parameters = kParameters,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill};
}

}  // namespace moesim
