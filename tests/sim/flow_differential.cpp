#include "sim/flow_reference.hpp"
#include "tests/catch.hpp"
#include "tests/sim/random_network.hpp"
#include "tests/sim/traffic.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

std::vector<long double> reference(const Traffic& traffic) {
  std::vector<ReferenceFlow> flows;
  for (const TrafficFlow& flow : traffic.flows) {
    flows.push_back(
        {{flow.links, flow.rate_cap, flow.multiplicity, flow.weight}, flow.bytes, flow.start, flow.start_up});
  }
  return reference_finish_ps(traffic.links, flows);
}

// The network rounds up to a picosecond; apart from that both agree to 1e-9.
void check_against_reference(const Traffic& traffic) {
  const auto expected = reference(traffic);
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  for (std::size_t f = 0; f < expected.size(); ++f) {
    const auto actual = static_cast<long double>(outcome.finish[f].count);
    const long double slack = 1e-9L * expected[f];
    if (actual < expected[f] - slack || actual > expected[f] + 1 + slack) {
      CAPTURE(f, static_cast<double>(actual), static_cast<double>(expected[f]));
      FAIL("a finish time differs from the reference");
    }
  }
}

}  // namespace

TEST_CASE("random networks agree with the reference on every finish time", "[diff][flow]") {
  // 1,000 networks in 100 groups; each sharing of each of them is held against the certificate as well.
  const auto group = GENERATE(range(0, 100));
  for (int i = 0; i < 10; ++i) {
    const auto seed = static_cast<std::uint64_t>(group * 10 + i);
    CAPTURE(seed);
    check_against_reference(random_traffic(seed));
  }
}

TEST_CASE("random networks of up to 300 links and 500 flows agree with the reference", "[.][many][diff][flow]") {
  // 10,000 networks in 100 groups: a CTest case of its own, flow_many, in builds without sanitizers.
  const auto group = GENERATE(range(0, 100));
  for (int i = 0; i < 100; ++i) {
    const auto seed = static_cast<std::uint64_t>(100'000 + group * 100 + i);
    CAPTURE(seed);
    check_against_reference(random_large_traffic(seed));
  }
}

TEST_CASE("lognormal all-to-all on a cluster agrees with the reference on every finish time", "[diff][flow]") {
  constexpr int kRanks = 16;
  const auto bytes = lognormal_bytes(kRanks);
  check_against_reference(cluster_all_to_all(
      kRanks, [&](int from, int to) { return bytes[static_cast<std::size_t>(from * kRanks + to)]; }));
}
