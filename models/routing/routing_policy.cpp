#include "models/routing/routing_policy.hpp"

#include "models/routing/policies/policies.hpp"
#include "sim/check.hpp"

namespace moesim {

void RoutingPolicy::sample(ExpertRace&, std::size_t, detail::TokenRandom&, Choices&) const {
  MOESIM_CHECK(false, "this policy needs the logits of every expert");
}

std::unique_ptr<RoutingPolicy> make_policy(const RouterSpec& router, const ExpertGroups& groups) {
  switch (router.kind) {
    case RoutingKind::top_1:
      return make_top_1(router);
    case RoutingKind::top_k:
      return make_top_k(router);
    case RoutingKind::noisy_top_k:
      return make_noisy_top_k(router);
    case RoutingKind::top_2_random_second:
      return make_top_2_random_second(router);
    case RoutingKind::group_limited:
    case RoutingKind::node_limited:
      return make_group_limited(router, groups);
    case RoutingKind::expert_choice:
      return make_expert_choice(router);
    case RoutingKind::recorded:
      break;  // Nothing to decide.
  }
  MOESIM_CHECK(false, "routing kind {}", static_cast<int>(router.kind));
  return nullptr;
}

}  // namespace moesim
