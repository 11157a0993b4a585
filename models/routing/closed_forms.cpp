#include "models/routing/closed_forms.hpp"

#include "sim/check.hpp"

namespace moesim {

double chance_to_avoid(int population, int excluded, int k) {
  MOESIM_CHECK(k >= 0 && k <= population && excluded >= 0, "{} draws of {} without {}", k, population, excluded);
  if (k > population - excluded) return 0;
  double chance = 1;
  for (int i = 0; i < k; ++i) chance *= static_cast<double>(population - excluded - i) / (population - i);
  return chance;
}

TokenMoments uniform_remote_copies(int experts, int ranks, int top_k) {
  // The local copies are hypergeometric: top_k draws from `experts`, of which experts / ranks are local.
  const double local = 1.0 / ranks;
  const double correction = experts > 1 ? static_cast<double>(experts - top_k) / (experts - 1) : 0;
  return {top_k * (1 - local), top_k * local * (1 - local) * correction};
}

TokenMoments uniform_remote_destinations(int experts, int destinations, int top_k) {
  MOESIM_CHECK(destinations > 0 && experts % destinations == 0, "{} experts on {}", experts, destinations);
  // D is a sum of R = destinations - 1 indicators "this one is reached", each false with chance q1 and any two of them
  // both false with chance q2: E D = R (1 - q1), Var D = R q1 (1 - q1) + R (R - 1) (q2 - q1^2).
  const int share = experts / destinations;
  const double remote = destinations - 1;
  const double q1 = chance_to_avoid(experts, share, top_k);
  const double q2 = destinations >= 2 ? chance_to_avoid(experts, 2 * share, top_k) : 0;
  return {remote * (1 - q1), remote * q1 * (1 - q1) + remote * (remote - 1) * (q2 - q1 * q1)};
}

}  // namespace moesim
