#include "models/schedule/stage_partition.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

std::vector<std::pair<int, int>> partition_stages(std::span<const Picoseconds> costs, int stages) {
  MOESIM_CHECK(stages > 0, "{} stages", stages);
  const auto n = static_cast<int>(costs.size());
  const int filled = std::min(n, stages);
  std::vector<Picoseconds> before(costs.size() + 1);  // Sums of the first pieces.
  for (std::size_t i = 0; i < costs.size(); ++i) before[i + 1] = before[i] + costs[i];
  const auto cost = [&](int begin, int end) {
    return before[static_cast<std::size_t>(end)] - before[static_cast<std::size_t>(begin)];
  };
  // least[s][i]: the least costliest run of pieces i.. in s stages, one piece each at least.
  const auto row = static_cast<std::size_t>(n) + 1;
  std::vector<std::vector<Picoseconds>> least(static_cast<std::size_t>(filled) + 1,
                                              std::vector<Picoseconds>(row, Picoseconds::max()));
  if (filled > 0) least[0][static_cast<std::size_t>(n)] = {};
  std::vector<std::vector<int>> ends(least.size(), std::vector<int>(row, 0));
  for (int s = 1; s <= filled; ++s) {
    for (int i = n - s; i >= 0; --i) {
      const auto at = static_cast<std::size_t>(i);
      for (int end = i + 1; end <= n - (s - 1); ++end) {
        const Picoseconds rest = least[static_cast<std::size_t>(s) - 1][static_cast<std::size_t>(end)];
        if (rest == Picoseconds::max()) continue;
        const Picoseconds worst = std::max(cost(i, end), rest);
        if (worst > least[static_cast<std::size_t>(s)][at]) continue;
        least[static_cast<std::size_t>(s)][at] = worst;
        ends[static_cast<std::size_t>(s)][at] = end;
      }
    }
  }
  std::vector<std::pair<int, int>> runs;
  int begin = 0;
  for (int s = filled; s > 0; --s) {
    const int end = ends[static_cast<std::size_t>(s)][static_cast<std::size_t>(begin)];
    runs.emplace_back(begin, end);
    begin = end;
  }
  while (std::ssize(runs) < stages) runs.emplace_back(n, n);
  return runs;
}

}  // namespace moesim
