#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// Indices of `values`, the largest first; of equal ones the lower index first.
std::vector<std::int32_t> falling_order(std::span<const double> values);

// Splits the items of `weights` over `packs` packs with the same number of items each, `packs` divides that of the
// items. Longest processing time first: items by falling weight, each into the lightest pack that is not full; of
// equal ones into the first. Where packs take one item each, item i is in pack i. members[packs][items / packs] are
// indices of items, in the order in which they were put in.
std::vector<std::vector<std::int32_t>> pack_evenly(std::span<const double> weights, int packs);

// How many replicas each item gets of `replicas` in all, at least one each, and in which order: the items 0, 1, 2, ..
// first, then again and again the one whose replicas carry the most each (the first of equals). No other division has
// a lighter heaviest replica. item_of_replica[replicas].
std::vector<std::int32_t> replicate_heaviest(std::span<const double> weights, int replicas);

}  // namespace moesim
