// Top-1: the expert with the highest score. Fedus et al., "Switch Transformers" (2021). Top-k with k = 1.
#include "models/routing/policies/policies.hpp"
#include "sim/check.hpp"

namespace moesim {

std::unique_ptr<RoutingPolicy> make_top_1(const RouterSpec& router) {
  MOESIM_CHECK(router.top_k == 1, "top_1 with k = {}", router.top_k);
  return make_top_k(router);
}

}  // namespace moesim
