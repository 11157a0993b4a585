#include "models/routing/routing_policy.hpp"

#include "models/routing/named_loads.hpp"
#include "models/routing/policies/policies.hpp"
#include "sim/check.hpp"

namespace moesim {

void RoutingPolicy::sample(ExpertRace&, std::size_t, detail::TokenRandom&, Choices&) const {
  MOESIM_CHECK(false, "this policy needs the logits of every expert");
}

Choices empty_choices(const RouterSpec& router) {
  Choices choices;
  // expert_choice has its capacity inside.
  if (!router.capacity || router.kind == RoutingKind::expert_choice) return choices;
  choices.with_shares = true;
  choices.with_weights = router.capacity->order == Capacity::Order::score;
  choices.with_rest = router.capacity->overflow != Capacity::Overflow::drop;
  return choices;
}

bool draws_all_logits(const RouterSpec& router) {
  if (router.kind == RoutingKind::recorded || router.skew.kind == SkewKind::w0_balanced) return false;
  const Choices wanted = empty_choices(router);
  // A race that goes on needs to know which of two popularities it is run with.
  if (wanted.with_rest && has_hot_set(router.skew.kind)) return true;
  return !make_policy(router, one_group(router.num_experts))->can_sample(wanted);
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
    case RoutingKind::device_limited:
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
