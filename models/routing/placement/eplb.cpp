#include "models/routing/placement/eplb.hpp"

#include "models/routing/placement/balanced_packing.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// Replicates the experts of one node and packs them to its ranks; appends the node's slots.
void fill_node(std::span<const double> loads, const std::vector<std::int32_t>& experts, int slots, int ranks,
               std::vector<std::int32_t>& expert_of_slot) {
  std::vector<double> own;
  own.reserve(experts.size());
  for (const std::int32_t expert : experts) own.push_back(loads[static_cast<std::size_t>(expert)]);
  const std::vector<std::int32_t> replicas = replicate_heaviest(own, slots);
  std::vector<double> count(own.size());
  for (const std::int32_t i : replicas) ++count[static_cast<std::size_t>(i)];
  std::vector<double> shares;
  shares.reserve(replicas.size());
  for (const std::int32_t i : replicas) {
    shares.push_back(own[static_cast<std::size_t>(i)] / count[static_cast<std::size_t>(i)]);
  }
  for (const auto& rank : pack_evenly(shares, ranks)) {
    for (const std::int32_t replica : rank) {
      const std::int32_t i = replicas[static_cast<std::size_t>(replica)];
      expert_of_slot.push_back(experts[static_cast<std::size_t>(i)]);
    }
  }
}

// Experts of each node [nodes][experts / nodes]: whole groups, packed by their loads.
std::vector<std::vector<std::int32_t>> experts_of_nodes(std::span<const double> loads, int groups, int nodes) {
  const std::size_t group_size = loads.size() / static_cast<std::size_t>(groups);
  std::vector<double> group_loads(static_cast<std::size_t>(groups));
  for (std::size_t e = 0; e < loads.size(); ++e) group_loads[e / group_size] += loads[e];
  std::vector<std::vector<std::int32_t>> result;
  for (const auto& members : pack_evenly(group_loads, nodes)) {
    std::vector<std::int32_t>& experts = result.emplace_back();
    for (const std::int32_t group : members) {
      for (std::size_t i = 0; i < group_size; ++i) {
        experts.push_back(static_cast<std::int32_t>(static_cast<std::size_t>(group) * group_size + i));
      }
    }
  }
  return result;
}

}  // namespace

bool is_hierarchical(const EplbShape& shape) { return shape.groups % shape.nodes == 0; }

ExpertPlacement eplb(std::span<const double> loads, const EplbShape& shape) {
  const auto experts = static_cast<int>(loads.size());
  MOESIM_CHECK(shape.groups > 0 && experts % shape.groups == 0, "{} experts in {} groups", experts, shape.groups);
  MOESIM_CHECK(shape.nodes > 0 && shape.ranks % shape.nodes == 0, "{} ranks on {} nodes", shape.ranks, shape.nodes);
  MOESIM_CHECK(shape.slots % shape.ranks == 0, "{} slots on {} ranks", shape.slots, shape.ranks);
  const bool hierarchical = is_hierarchical(shape);
  const int nodes = hierarchical ? shape.nodes : 1;
  std::vector<std::int32_t> expert_of_slot;
  for (const auto& own : experts_of_nodes(loads, hierarchical ? shape.groups : 1, nodes)) {
    fill_node(loads, own, shape.slots / nodes, shape.ranks / nodes, expert_of_slot);
  }
  return {experts, shape.ranks, std::move(expert_of_slot)};
}

}  // namespace moesim
