#include "tests/sim/random_network.hpp"

#include <algorithm>
#include <cmath>

#include "sim/rng.hpp"

namespace moesim::test {
namespace {

std::vector<LinkId> draw_route(Rng& random, std::uint32_t links) {
  std::vector<LinkId> route;
  const std::uint32_t length = 1 + random.below(std::min(6U, links));
  while (route.size() < length) {
    const LinkId link{random.below(links)};
    if (std::ranges::count(route, link) == 0) route.push_back(link);
  }
  return route;
}

TrafficFlow draw_flow(Rng& random, std::uint32_t links) {
  TrafficFlow flow;
  flow.bytes = {10'000'000 + std::int64_t{random.below(3) == 0 ? 0 : random.below(50'000'000)}};
  flow.links = draw_route(random, links);
  if (random.below(40) == 0) flow.links.clear();
  if (random.below(100) == 0) flow.bytes = {0};
  if (random.below(4) == 0 || flow.links.empty()) {
    // Two caps in three are of a few values that many flows have.
    flow.rate_cap = random.below(3) == 0 ? Bandwidth::gbyte_per_s(0.1 + 10 * random.uniform())
                                         : Bandwidth::gbyte_per_s(1 + random.below(3));
  }
  if (random.below(4) != 0)
    flow.start = {random.below(2) == 0 ? random.below(4) * 1'000'000'000LL
                                       : std::int64_t{random.below(4'000'000'000U)}};
  if (random.below(3) == 0) flow.start_up = {random.below(1'000'000'000)};
  if (random.below(4) == 0) flow.multiplicity = 1 + static_cast<std::int32_t>(random.below(5));
  if (random.below(4) == 0) flow.weight = 1 + static_cast<std::int32_t>(random.below(9));
  return flow;
}

Traffic draw_traffic(std::uint64_t seed, std::uint32_t max_links, std::uint32_t max_flows, double skew) {
  Rng random(seed, 0);
  Traffic traffic;
  const std::uint32_t links = 2 + random.below(max_links - 1);
  const bool equal_links = random.below(4) == 0;
  for (std::uint32_t i = 0; i < links; ++i) {
    const double gbyte_per_s = equal_links ? 10 : 1 + 50 * random.uniform() * random.uniform();
    traffic.links.push_back(
        {Bandwidth::gbyte_per_s(gbyte_per_s), {random.below(2) == 0 ? 0 : std::int64_t{random.below(2'000'000)}}});
  }
  const auto flows = 1 + static_cast<std::uint32_t>(max_flows * std::pow(random.uniform(), skew));
  for (std::uint32_t i = 0; i < flows; ++i) traffic.flows.push_back(draw_flow(random, links));
  return traffic;
}

}  // namespace

Traffic random_traffic(std::uint64_t seed) { return draw_traffic(seed, 60, 99, 2); }

Traffic random_large_traffic(std::uint64_t seed) { return draw_traffic(seed, 300, seed % 100 == 0 ? 499 : 99, 2); }

}  // namespace moesim::test
