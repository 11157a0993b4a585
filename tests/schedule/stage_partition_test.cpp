#include "models/schedule/stage_partition.hpp"

#include <algorithm>
#include <functional>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

using Runs = std::vector<std::pair<int, int>>;

std::vector<Picoseconds> random_costs(int count, std::uint64_t seed) {
  std::vector<Picoseconds> costs;
  for (int i = 0; i < count; ++i) {
    costs.push_back(
        {1 + static_cast<std::int64_t>((seed * 2654435761U + static_cast<std::uint64_t>(i) * 40503U) % 97)});
  }
  return costs;
}

Picoseconds cost(const std::vector<Picoseconds>& costs, const std::pair<int, int>& run) {
  Picoseconds sum;
  for (int i = run.first; i < run.second; ++i) sum += costs[static_cast<std::size_t>(i)];
  return sum;
}

Picoseconds worst_run(const std::vector<Picoseconds>& costs, const Runs& runs) {
  Picoseconds worst;
  for (const auto& run : runs) worst = std::max(worst, cost(costs, run));
  return worst;
}

Picoseconds worst_pair(const std::vector<Picoseconds>& costs, const Runs& runs) {
  Picoseconds worst;
  for (std::size_t i = 0; i < runs.size() / 2; ++i) {
    worst = std::max(worst, cost(costs, runs[i]) + cost(costs, runs[runs.size() - 1 - i]));
  }
  return worst;
}

// Every cut of n pieces in so many runs of one at least.
void for_each_cut(int n, int stages, const std::function<void(const Runs&)>& visit, Runs runs = {}, int begin = 0) {
  if (stages == 1) {
    runs.emplace_back(begin, n);
    return visit(runs);
  }
  for (int end = begin + 1; end <= n - (stages - 1); ++end) {
    Runs more = runs;
    more.emplace_back(begin, end);
    for_each_cut(n, stages - 1, visit, more, end);
  }
}

TEST_CASE("stages are cut as well as any cut", "[oracle][schedule]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (const int stages : {1, 2, 3, 4, 6}) {
      const std::vector<Picoseconds> costs = random_costs(9, seed);
      const Runs runs = partition_stages(costs, stages);
      Picoseconds best = Picoseconds::max();
      for_each_cut(9, stages, [&](const Runs& cut) { best = std::min(best, worst_run(costs, cut)); });
      CHECK(worst_run(costs, runs) == best);
      CHECK(std::ssize(runs) == stages);
      CHECK(runs.front().first == 0);
      CHECK(runs.back().second == 9);
      if (stages % 2 != 0) continue;
      const Runs mirrored = partition_mirrored(costs, stages);
      Picoseconds best_pair = Picoseconds::max();
      for_each_cut(9, stages, [&](const Runs& cut) { best_pair = std::min(best_pair, worst_pair(costs, cut)); });
      CHECK(worst_pair(costs, mirrored) == best_pair);
      for (std::size_t i = 1; i < mirrored.size(); ++i) CHECK(mirrored[i].first == mirrored[i - 1].second);
    }
  }
}

TEST_CASE("more stages than pieces leave some empty", "[schedule]") {
  const Runs runs = partition_stages(random_costs(2, 1), 4);
  CHECK(runs == Runs{{0, 1}, {1, 2}, {2, 2}, {2, 2}});
}

}  // namespace
}  // namespace moesim
