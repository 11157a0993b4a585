#include "models/routing/placement/load_bound.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "models/routing/placement/balanced_packing.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// The heaviest replica of the division whose heaviest replica is the lightest.
double least_heaviest_replica(std::span<const double> loads, int slots) {
  std::vector<double> count(loads.size());
  for (const std::int32_t expert : replicate_heaviest(loads, slots)) ++count[static_cast<std::size_t>(expert)];
  double heaviest = 0;
  for (std::size_t e = 0; e < loads.size(); ++e) heaviest = std::max(heaviest, loads[e] / count[e]);
  return heaviest;
}

// What `others` slots beside a replica carry at least.
double least_beside(std::span<const double> loads, int slots, int others) {
  std::vector<double> rising(loads.begin(), loads.end());
  std::sort(rising.begin(), rising.end());
  const int redundant = slots - static_cast<int>(loads.size());
  if (redundant == 0) return std::accumulate(rising.begin(), rising.begin() + others, 0.0);
  return others * rising.front() / (redundant + 1);
}

}  // namespace

double least_rank_load(std::span<const double> loads, int slots, int ranks) {
  MOESIM_CHECK(ranks > 0 && slots % ranks == 0 && slots >= std::ssize(loads), "{} slots of {} experts on {} ranks",
               slots, loads.size(), ranks);
  const double mean = std::accumulate(loads.begin(), loads.end(), 0.0) / ranks;
  return std::max(mean, least_heaviest_replica(loads, slots) + least_beside(loads, slots, slots / ranks - 1));
}

double least_max_over_mean(std::span<const double> loads, int slots, int ranks) {
  const double mean = std::accumulate(loads.begin(), loads.end(), 0.0) / ranks;
  return mean == 0 ? 1 : least_rank_load(loads, slots, ranks) / mean;
}

}  // namespace moesim
