#pragma once

#include <span>

#include "models/routing/placement/expert_placement.hpp"
#include "sim/units.hpp"

namespace moesim {

// Experts where contiguous placement has them, and `redundant` more slots, the same number on every rank, for copies
// of the busiest: again and again of the one whose replicas carry the most of `loads` [experts]. The copies, by falling
// share, each go to the least loaded rank that has a slot left and has not that expert yet; where no such rank is
// left, to one that has it. Nothing but the copies has to move, so that it can be done for one micro-batch.
ExpertPlacement duplicate_busiest(std::span<const double> loads, int redundant, int ranks);

// Tokens of each rank, in one step, for which duplication saves what it takes: the fullest rank, which everybody waits
// for, computes tokens * top_k * (before - after) copies less, of `copy` each.
//   tokens = move / (top_k * (before - after) * copy)
struct DuplicationCosts {
  Picoseconds move;                 // Of the weights.
  Picoseconds copy;                 // What one copy more takes on a rank.
  int top_k = 1;                    // k
  double max_over_mean_before = 1;  // Of what ranks compute; larger than that after.
  double max_over_mean_after = 1;
};
double duplication_break_even_tokens(const DuplicationCosts& costs);

}  // namespace moesim
