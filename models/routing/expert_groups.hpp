#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/rank_layout.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

// A partition of the experts, for policies that first choose groups and then experts inside them.
struct ExpertGroups {
  std::vector<std::int32_t> group_of_expert;  // [experts]
  int groups = 1;

  std::vector<std::vector<std::int32_t>> members() const;  // [groups][..] experts, ascending
};

ExpertGroups one_group(int experts);

// The kinds that are group-limited: `router.groups` groups of neighbours, expert e in group e / (N / groups). Every
// other policy: one group.
ExpertGroups expert_groups(const RouterSpec& router);

// The same for experts that have been placed: the groups of node_limited are the nodes of
// `layout`, those of device_limited its ranks.
ExpertGroups expert_groups(const RouterSpec& router, const RankLayout& layout, std::span<const RankId> rank_of_expert);

}  // namespace moesim
