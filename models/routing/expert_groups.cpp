#include "models/routing/expert_groups.hpp"

#include "sim/check.hpp"

namespace moesim {

std::vector<std::vector<std::int32_t>> ExpertGroups::members() const {
  std::vector<std::vector<std::int32_t>> result(static_cast<std::size_t>(groups));
  for (std::size_t e = 0; e < group_of_expert.size(); ++e) {
    result[static_cast<std::size_t>(group_of_expert[e])].push_back(static_cast<std::int32_t>(e));
  }
  return result;
}

ExpertGroups one_group(int experts) {
  return {.group_of_expert = std::vector<std::int32_t>(static_cast<std::size_t>(experts)), .groups = 1};
}

ExpertGroups expert_groups(const RouterSpec& router) {
  ExpertGroups result;
  result.groups = is_group_limited(router.kind) ? router.groups : 1;
  MOESIM_CHECK(result.groups > 0 && router.num_experts % result.groups == 0, "{} experts in {} groups",
               router.num_experts, result.groups);
  const int size = router.num_experts / result.groups;
  for (int e = 0; e < router.num_experts; ++e) result.group_of_expert.push_back(e / size);
  return result;
}

ExpertGroups expert_groups(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert) {
  const bool by_rank = router.kind == RoutingKind::device_limited;
  if (router.kind != RoutingKind::node_limited && !by_rank) return expert_groups(router);
  ExpertGroups result;
  result.groups = by_rank ? layout.ranks : layout.nodes();
  for (const RankId rank : rank_of_expert) {
    result.group_of_expert.push_back(by_rank ? rank.value : layout.node_of(rank));
  }
  return result;
}

}  // namespace moesim
