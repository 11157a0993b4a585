#pragma once

#include <span>
#include <utility>
#include <vector>

#include "sim/units.hpp"

namespace moesim {

// Cuts a row of pieces into `stages` runs such that the costliest run costs as little as it can; of equal cuts the one
// whose first runs are longest. Every stage has a piece while there are as many. The result is [begin, end) of each.
std::vector<std::pair<int, int>> partition_stages(std::span<const Picoseconds> costs, int stages);

}  // namespace moesim
