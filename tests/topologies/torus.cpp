#include "topologies/torus.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/topologies/topology_checks.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

int ring_distance(int a, int b, int side) {
  const int ahead = std::abs(a - b);
  return std::min(ahead, side - ahead);
}

}  // namespace

TEST_CASE("a torus route has as many hops as the wrapped Manhattan distance", "[oracle]") {
  for (const std::vector<int>& dims : {std::vector<int>{4, 6}, {3, 5}, {2, 2}, {4, 4, 4}, {2, 3, 5}}) {
    const int chips = std::accumulate(dims.begin(), dims.end(), 1, std::multiplies<>());
    const auto torus = make_topology(torus_card(dims, 1), plain_chip(1), chips);
    for (int a = 0; a < chips; ++a) {
      for (int b = 0; b < chips; ++b) {
        if (a == b) continue;
        int hops = 0;
        for (int i = a, j = b, axis = 0; axis < static_cast<int>(dims.size()); ++axis) {
          const int side = dims[static_cast<std::size_t>(axis)];
          hops += ring_distance(i % side, j % side, side);
          i /= side;
          j /= side;
        }
        REQUIRE(route(*torus, a, b).size() == static_cast<std::size_t>(hops));
        REQUIRE(latency(*torus, a, b) == Picoseconds::from_us(hops));
      }
    }
  }
}

TEST_CASE("uniform all-to-all loads all links along one axis equally, both ways round", "[oracle]") {
  // On a ring of n chips the distances from one chip sum to n^2 / 4 (n even) or (n^2 - 1) / 4 (n odd). With N chips,
  // each sends N / n flows to each distance, so N (N / n) floor(n^2 / 4) flow-hops fall on 2 N links of the axis:
  // (N / (2 n)) floor(n^2 / 4) each. Two cores a chip: four times as many flows.
  for (const std::vector<int>& dims : {std::vector<int>{4, 4},
                                       {8, 8},
                                       {6, 6},
                                       {2, 2},
                                       {2, 4},
                                       {10, 4},
                                       {3, 5},
                                       {4, 3},
                                       {8, 3},
                                       {4, 4, 4},
                                       {2, 6, 4},
                                       {2, 2, 2},
                                       {3, 4, 5}}) {
    const int chips = std::accumulate(dims.begin(), dims.end(), 1, std::multiplies<>());
    for (const int cores : {1, 2}) {
      const auto torus = make_topology(torus_card(dims, cores), plain_chip(cores), chips);
      const auto load = all_to_all_load(*torus);
      for (std::size_t link = 0; link < load.size(); ++link) {
        const std::string& name = torus->links()[link].name;
        INFO(name << " of a torus with first sides " << dims[0] << " and " << dims[1]);
        if (name.find("on-chip") != std::string::npos) {
          REQUIRE(load[link] == cores - 1);  // Each core sends to the other cores of its chip.
          continue;
        }
        const int side = dims[static_cast<std::size_t>(name.back() - 'x')];
        REQUIRE(load[link] * 2 * side == std::int64_t{cores} * cores * chips * (side * side / 4));
      }
    }
  }
}

TEST_CASE("a chip's links share its bandwidth, and its cores share its links", "[oracle]") {
  const auto torus = make_topology(torus_card({4, 4}, 2), plain_chip(2), 16);
  REQUIRE(torus->num_ranks() == 32);
  REQUIRE(torus->links().size() == 16 * (4 + 2));
  const auto hop = route(*torus, 0, 2);  // Core 0 of chip (0,0) to core 0 of chip (1,0).
  REQUIRE(hop.size() == 1);
  CHECK(torus->links()[hop[0].index()].name == "chip(0,0)/+x");
  CHECK(torus->links()[hop[0].index()].capacity.gbyte_per_s() == Approx(300.0 / 6));
  CHECK(route(*torus, 1, 3) == hop);
  const auto inside = route(*torus, 0, 1);
  REQUIRE(inside.size() == 1);
  CHECK(torus->links()[inside[0].index()].name == "chip(0,0)/core0/on-chip-tx");
  CHECK(torus->links()[inside[0].index()].capacity.gbyte_per_s() == Approx(400));
  CHECK(torus->attachment(RankId(0)) == torus->attachment(RankId(1)));
  CHECK(torus->attachment(RankId(0)) != torus->attachment(RankId(2)));
}

TEST_CASE("a torus with less than the whole machine is as square as its size allows", "[oracle]") {
  const ClusterCard flat = torus_card({32, 32}, 1);
  CHECK(torus_shape(flat, 1024) == std::vector<int>{32, 32});
  CHECK(torus_shape(flat, 128) == std::vector<int>{8, 16});
  CHECK(torus_shape(flat, 12) == std::vector<int>{3, 4});
  CHECK(torus_shape(flat, 7) == std::vector<int>{1, 7});
  const ClusterCard solid = torus_card({16, 16, 16}, 1);
  CHECK(torus_shape(solid, 512) == std::vector<int>{8, 8, 8});
  CHECK(torus_shape(solid, 256) == std::vector<int>{4, 8, 8});
  CHECK(torus_shape(solid, 1) == std::vector<int>{1, 1, 1});
  // A side that is the card's own keeps its order, even where it is not ascending.
  CHECK(torus_shape(torus_card({8, 4}, 1), 32) == std::vector<int>{8, 4});
}
