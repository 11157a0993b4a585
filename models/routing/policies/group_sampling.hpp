#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/expert_groups.hpp"
#include "models/routing/expert_race.hpp"
#include "models/routing/router_spec.hpp"
#include "models/routing/token_random.hpp"

// How group-limited routing draws from the race, as RoutingPolicy::sample() does: `kept` groups stay.
namespace moesim::detail {

// By the two best experts of each group; each group is a race of its own (groups_by_best_two.cpp).
void sample_groups_by_best_two(const RouterSpec& router, std::size_t kept, ExpertRace& race, std::size_t tokens,
                               TokenRandom& random, Choices& choices);

// By the best expert alone; one race over all experts (groups_by_best.cpp).
void sample_groups_by_best(const RouterSpec& router, const ExpertGroups& groups, std::size_t kept, ExpertRace& race,
                           std::size_t tokens, TokenRandom& random, Choices& choices);

// Combine weights of k choices, whose scores are still in `shares`; `sum` is that of these scores.
void weigh_by_shares(const RouterSpec& router, std::size_t first_slot, float sum, Choices& choices);

}  // namespace moesim::detail
