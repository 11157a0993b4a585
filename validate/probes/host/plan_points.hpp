#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "validate/probes/host/plan.hpp"

namespace moesim::probe {

// What a contention point streams over and over: larger than any L2.
inline constexpr std::int64_t kStreamBytes = std::int64_t{1} << 30;

// All points, and whether --quick has them. A collective is planned over `ranks` devices.
std::vector<std::pair<PlannedPoint, bool>> all_points(std::int64_t ranks);

}  // namespace moesim::probe
