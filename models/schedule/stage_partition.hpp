#pragma once

#include <span>
#include <utility>
#include <vector>

#include "sim/units.hpp"

namespace moesim {

// Cuts a row of pieces into `stages` runs such that the costliest run costs as little as it can; of equal cuts the one
// whose first runs are longest. Every stage has a piece while there are as many. The result is [begin, end) of each.
std::vector<std::pair<int, int>> partition_stages(std::span<const Picoseconds> costs, int stages);

// The same for an even number of stages of which one rank has the first and the last, the next the second and the last
// but one, and so on (DualPipe): such that the costliest pair costs as little as it can, and among such cuts the
// costliest run. At least two pieces a pair.
std::vector<std::pair<int, int>> partition_mirrored(std::span<const Picoseconds> costs, int stages);

}  // namespace moesim
