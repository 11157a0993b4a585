#pragma once

#include <span>

namespace moesim {

// What no placement can go below: the load of the fullest rank, in the units of `loads` [experts], for any division
// of `slots` slots, the same number on each of `ranks` ranks, among the experts, and any placement of the replicas,
// which share their expert's load evenly. The largest of the mean over ranks, and the heaviest replica's share at best
// plus the least that can lie in the other slots of its rank. docs/models/placement.md proves it.
double least_rank_load(std::span<const double> loads, int slots, int ranks);

// The same over the mean: 1 or more.
double least_max_over_mean(std::span<const double> loads, int slots, int ranks);

}  // namespace moesim
