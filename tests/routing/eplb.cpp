// EPLB against the worked example of its authors, and packings against enumeration.
#include "models/routing/placement/eplb.hpp"

#include <numeric>

#include "models/routing/placement/balanced_packing.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

using Experts = std::vector<std::int32_t>;

Experts slots(const ExpertPlacement& placement) {
  return {placement.expert_of_slot().begin(), placement.expert_of_slot().end()};
}

TEST_CASE("EPLB places the worked example of its README byte for byte", "[oracle]") {
  // github.com/deepseek-ai/EPLB at d52c72d, README.md, "Interface and Example": two layers, 12 experts in 4 groups,
  // 16 replicas, 2 nodes of 4 GPUs. The figure behind it shows the same slots.
  const std::vector<double> first{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86};
  const std::vector<double> second{20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27};
  const EplbShape shape{.slots = 16, .groups = 4, .nodes = 2, .ranks = 8};
  CHECK(is_hierarchical(shape));
  CHECK(slots(eplb(first, shape)) == Experts{5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1});
  CHECK(slots(eplb(second, shape)) == Experts{7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1});
}

TEST_CASE("EPLB is global where nodes do not divide the groups", "[oracle]") {
  // By hand: loads 6 3 2 1, two redundant: 6 is split into 3 + 3 and then, 3 being the first of the heaviest, into
  // 2 + 2 + 2. Replicas in the order 0 1 2 3 0 0 carry 2 3 2 1 2 2. Packed to three ranks of two, falling: 3 -> rank 0;
  // 2 (expert 0) -> rank 1; 2 (expert 2) -> rank 2; 2 (expert 0) -> rank 1; 2 (expert 0) -> rank 2; 1 -> rank 0.
  const std::vector<double> loads{6, 3, 2, 1};
  const EplbShape shape{.slots = 6, .groups = 1, .nodes = 3, .ranks = 3};
  CHECK_FALSE(is_hierarchical(shape));
  const ExpertPlacement placement = eplb(loads, shape);
  CHECK(slots(placement) == Experts{1, 3, 0, 0, 2, 0});
  CHECK(rank_loads(placement, loads) == std::vector<double>{4, 4, 4});
  CHECK(placement.redundant_experts() == 2);
}

TEST_CASE("hierarchical EPLB keeps groups whole on nodes that carry the same number of slots", "[property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 3);
    std::vector<double> loads;
    for (int e = 0; e < 64; ++e) loads.push_back(std::floor(1000 * rng.exponential()));
    const EplbShape shape{.slots = 80, .groups = 8, .nodes = 4, .ranks = 16};
    const ExpertPlacement placement = eplb(loads, shape);
    for (int group = 0; group < 8; ++group) {
      std::vector<int> nodes;
      for (int e = 8 * group; e < 8 * group + 8; ++e) {
        for (const std::int32_t slot : placement.slots_of(e)) nodes.push_back(placement.rank_of(slot).value / 4);
      }
      CHECK(std::count(nodes.begin(), nodes.end(), nodes.front()) == std::ssize(nodes));
    }
    const std::vector<double> ranks = rank_loads(placement, loads);
    CHECK(std::accumulate(ranks.begin(), ranks.end(), 0.0) == Approx(std::accumulate(loads.begin(), loads.end(), 0.0)));
  }
}

TEST_CASE("replicas go where they help most: no division has a lighter heaviest one", "[oracle]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 4);
    std::vector<double> loads;
    for (int e = 0; e < 4; ++e) loads.push_back(1 + rng.below(100));
    std::vector<double> count(4);
    for (const std::int32_t e : replicate_heaviest(loads, 9)) ++count[static_cast<std::size_t>(e)];
    const auto heaviest = [&](const std::vector<double>& c) {
      double most = 0;
      for (std::size_t e = 0; e < 4; ++e) most = std::max(most, loads[e] / c[e]);
      return most;
    };
    double least = 1e9;
    for (int a = 1; a <= 6; ++a) {
      for (int b = 1; a + b <= 7; ++b) {
        for (int c = 1; a + b + c <= 8; ++c) {
          least = std::min(least, heaviest({double(a), double(b), double(c), double(9 - a - b - c)}));
        }
      }
    }
    CHECK(heaviest(count) == least);
  }
}

TEST_CASE("packing: the heaviest first, each into the lightest pack with room, by hand", "[oracle]") {
  const std::vector<double> weights{1, 9, 5, 5, 4, 2};
  // 9 -> 0, 5 (item 2) -> 1, 5 (item 3) -> 2, 4 -> 1 (of the two with 5 the first), 2 -> 2, 1 -> 0, the last with room.
  const std::vector<std::vector<std::int32_t>> packs{{1, 0}, {2, 4}, {3, 5}};
  CHECK(pack_evenly(weights, 3) == packs);
  CHECK(pack_evenly(std::vector<double>{1, 5, 3}, 3) == std::vector<std::vector<std::int32_t>>{{0}, {1}, {2}});
  CHECK_THROWS_AS(pack_evenly(weights, 4), InternalError);
}

}  // namespace
}  // namespace moesim
