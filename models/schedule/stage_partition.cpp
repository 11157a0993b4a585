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

std::vector<std::pair<int, int>> partition_mirrored(std::span<const Picoseconds> costs, int stages) {
  MOESIM_CHECK(stages > 0 && stages % 2 == 0, "{} stages in pairs", stages);
  const auto n = static_cast<int>(costs.size());
  if (n < stages) return partition_stages(costs, stages);
  std::vector<Picoseconds> before(costs.size() + 1);
  for (std::size_t i = 0; i < costs.size(); ++i) before[i + 1] = before[i] + costs[i];
  const auto cost = [&](int begin, int end) {
    return before[static_cast<std::size_t>(end)] - before[static_cast<std::size_t>(begin)];
  };
  // best[pairs][begin, end): of the pieces between two ends, in so many pairs.
  struct Best {
    Picoseconds pair = Picoseconds::max();
    Picoseconds run = Picoseconds::max();
    int left = 0;   // Where the first run ends,
    int right = 0;  // and the last one begins.
  };
  const int pairs = stages / 2;
  const auto row = static_cast<std::size_t>(n) + 1;
  std::vector<std::vector<Best>> best(static_cast<std::size_t>(pairs) + 1, std::vector<Best>(row * row));
  const auto at = [&](int p, int begin, int end) -> Best& {
    return best[static_cast<std::size_t>(p)][static_cast<std::size_t>(begin) * row + static_cast<std::size_t>(end)];
  };
  for (int i = 0; i <= n; ++i) at(0, i, i) = {{}, {}, i, i};
  for (int p = 1; p <= pairs; ++p) {
    for (int begin = 0; begin <= n; ++begin) {
      for (int end = begin + 2 * p; end <= n; ++end) {
        Best& chosen = at(p, begin, end);
        for (int left = begin + 1; left <= end - 1; ++left) {
          for (int right = end - 1; right >= left; --right) {
            const Picoseconds first = cost(begin, left);
            const Picoseconds last = cost(right, end);
            if (first + last > chosen.pair) break;  // Longer last runs only cost more.
            const Best& inner = at(p - 1, left, right);
            if (inner.pair == Picoseconds::max()) continue;
            const Best candidate{std::max(inner.pair, first + last), std::max({inner.run, first, last}), left, right};
            if (std::pair{candidate.pair, candidate.run} < std::pair{chosen.pair, chosen.run}) chosen = candidate;
          }
        }
      }
    }
  }
  std::vector<std::pair<int, int>> runs(static_cast<std::size_t>(stages));
  int begin = 0;
  int end = n;
  for (int p = pairs; p > 0; --p) {
    const Best& chosen = at(p, begin, end);
    const auto outer = static_cast<std::size_t>(pairs - p);
    runs[outer] = {begin, chosen.left};
    runs[static_cast<std::size_t>(stages) - 1 - outer] = {chosen.right, end};
    begin = chosen.left;
    end = chosen.right;
  }
  return runs;
}

}  // namespace moesim
