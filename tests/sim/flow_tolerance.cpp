// What a tolerance may do to finish times, and what it may not.
#include <cmath>

#include "tests/catch.hpp"
#include "tests/sim/random_network.hpp"
#include "tests/sim/traffic.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

constexpr int kRanks = 64;

Traffic lognormal_cluster() {
  const auto bytes = lognormal_bytes(kRanks);
  return cluster_all_to_all(kRanks,
                            [&](int from, int to) { return bytes[static_cast<std::size_t>(from * kRanks + to)]; });
}

}  // namespace

TEST_CASE("within a tolerance, finish times of an all-to-all are off by a few times as much", "[property][flow]") {
  // docs/models/flow_network.md has what was measured; 64 ranks: 1.3 to 2.8 times for the worst flow.
  const double tolerance = GENERATE(1e-4, 1e-3, 1e-2);
  const Traffic traffic = lognormal_cluster();
  const auto exact = simulate(traffic);
  const auto near = simulate(traffic, {.tolerance = tolerance});
  double worst = 0;
  double sum = 0;
  for (std::size_t f = 0; f < traffic.flows.size(); ++f) {
    const double error = std::abs(near.finish[f].seconds() / exact.finish[f].seconds() - 1);
    worst = std::max(worst, error);
    sum += error;
  }
  CHECK(worst < 5 * tolerance);
  CHECK(sum < tolerance * static_cast<double>(traffic.flows.size()));
  CHECK(near.sharings < exact.sharings * 8 / 10);  // It does save something.
  CHECK(near.carried == exact.carried);
}

TEST_CASE("with a tolerance, rates are still fair at every sharing", "[property][flow]") {
  const auto seed = GENERATE(range(2000u, 2100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  const auto exact = simulate(traffic);
  const auto near = simulate(traffic, {.check_every_sharing = true, .tolerance = 0.01});
  CHECK(near.carried == exact.carried);
  for (const Picoseconds finish : near.finish) CHECK(finish.count >= 0);
  CHECK(simulate(traffic, {.tolerance = 0.01}).finish == near.finish);
}

TEST_CASE("flows on one link end within the tolerance times a logarithm", "[oracle][flow]") {
  // One link of C, flows of 1, 2, ..., n units from the start. Exactly flow k ends at T_k = (1 + ... + k + (n - k) k) /
  // C. A flow j that is counted for e T_j too long or too short takes C / (n - j) for as long from the others, or
  // leaves it. If all did so in one direction, the sum over j <= k would be e (1 + ln n) T_k at most, to first order in
  // e.
  constexpr int kFlows = 100;
  constexpr std::int64_t kUnit = 10'000'000;
  const double tolerance = GENERATE(1e-3, 1e-2, 1e-1);
  const auto link = Bandwidth::gbyte_per_s(50);
  Traffic traffic{{{link, {}}}, {}};
  for (int k = 1; k <= kFlows; ++k) traffic.flows.push_back({{LinkId{0}}, {k * kUnit}, {}, {}, {}, 1});
  const auto outcome = simulate(traffic, {.tolerance = tolerance});
  for (std::int64_t k = 1; k <= kFlows; ++k) {
    const Bytes drained{(k * (k + 1) / 2 + (kFlows - k) * k) * kUnit};
    const double error = outcome.finish[static_cast<std::size_t>(k - 1)].seconds() / (drained / link).seconds() - 1;
    CAPTURE(k);
    CHECK(std::abs(error) <= tolerance * (1 + std::log(kFlows)));
  }
}

TEST_CASE("a tolerance counts from a flow's own beginning", "[property][flow]") {
  // The same traffic a millisecond and ten later, on a network that a flow elsewhere has kept awake since time zero.
  const Traffic traffic = lognormal_cluster();
  const auto shifted = [&](Picoseconds start) {
    Traffic late = traffic;
    late.links.push_back({Bandwidth::gbyte_per_s(1), {}});
    for (TrafficFlow& flow : late.flows) flow.start = start;
    late.flows.push_back(
        {{LinkId{static_cast<std::int64_t>(late.links.size()) - 1}}, Bytes{1'000'000'000}, {}, {}, {}, 1});
    auto outcome = simulate(late, {.tolerance = 0.01});
    outcome.finish.pop_back();
    for (Picoseconds& finish : outcome.finish) finish = finish - start;
    return outcome;
  };
  const auto early = shifted(Picoseconds::from_us(1'000));
  const auto late = shifted(Picoseconds::from_us(10'000));
  CHECK(early.sharings == late.sharings);
  for (std::size_t f = 0; f < traffic.flows.size(); ++f) {
    if (std::abs(early.finish[f].count - late.finish[f].count) <= 1) continue;
    CAPTURE(f, early.finish[f].count, late.finish[f].count);
    FAIL("a finish time depends on when the network woke");
  }
}
