#include "topologies/multi_plane.hpp"

#include <array>

#include <fmt/format.h>

#include "topologies/leaf_spine.hpp"

namespace moesim {
namespace {

constexpr std::array kParameters = {
    KindParameter{"planes", 1, 1000, std::nullopt, "NIC n of a node is on plane n mod planes; divides the NICs"}};

LeafSpinePlan plan(const ClusterCard& card) {
  return {.rails = parameter(card, kParameters[0]), .joined = false, .rail = "plane"};
}

std::unique_ptr<Fabric> make(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph) {
  return make_leaf_spine(card, plan(card), nodes, ports, graph);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  return leaf_spine_links(card, plan(card), nodes);
}

std::int64_t max_nodes(const ClusterCard& card) { return leaf_spine_max_nodes(card, plan(card)); }

BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) { return leaf_spine_bill(card, plan(card), nodes); }

std::optional<CardProblem> problem(const ClusterCard& card) {
  const int planes = plan(card).rails;
  if (card.nics_per_node % planes != 0) {
    return CardProblem{"planes", std::to_string(planes),
                       fmt::format("a divisor of the {} NICs of a node", card.nics_per_node)};
  }
  for (const NodeGroup& group : card.more_nodes) {
    if (group.nics_per_node % planes == 0) continue;
    return CardProblem{"more_nodes", fmt::format("{} NICs of a node", group.nics_per_node),
                       fmt::format("a multiple of the {} planes", planes)};
  }
  return std::nullopt;
}

}  // namespace

TopologyKind multi_plane_kind() {
  return {.name = "multi_plane",
          .has_switches = true,
          .has_planes = true,
          .is_tree = true,
          .parameters = kParameters,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill,
          .problem = problem};
}

}  // namespace moesim
