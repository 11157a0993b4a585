#pragma once

#include <memory>

#include "models/routing/routing_policy.hpp"

namespace moesim {

// One file each; the rule stands at the top of it. Callers use make_policy().
std::unique_ptr<RoutingPolicy> make_top_1(const RouterSpec& router);
std::unique_ptr<RoutingPolicy> make_top_k(const RouterSpec& router);
std::unique_ptr<RoutingPolicy> make_noisy_top_k(const RouterSpec& router);
std::unique_ptr<RoutingPolicy> make_top_2_random_second(const RouterSpec& router);
std::unique_ptr<RoutingPolicy> make_group_limited(const RouterSpec& router, const ExpertGroups& groups);
std::unique_ptr<RoutingPolicy> make_expert_choice(const RouterSpec& router);

}  // namespace moesim
