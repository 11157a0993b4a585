#include "sim/flow_network.hpp"

#include <cmath>

#include "tests/catch.hpp"
#include "tests/sim/traffic.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

constexpr Bytes kMiB{1048576};
const auto kLink = Bandwidth::gbyte_per_s(50);

std::vector<LinkId> ids(std::initializer_list<int> links) {
  std::vector<LinkId> result;
  for (const int link : links) result.push_back(LinkId{link});
  return result;
}

TrafficFlow flow(std::initializer_list<int> links, std::int64_t bytes) {
  return {ids(links), Bytes{bytes}, {}, {}, {}, 1};
}

// Both are rounded up to a picosecond, each from a sum of its own.
void check_time(Picoseconds actual, Picoseconds expected) {
  CAPTURE(actual.count, expected.count);
  CHECK(std::abs(actual.count - expected.count) <= 1);
}

}  // namespace

TEST_CASE("n equal flows on one link take n times as long as one", "[oracle][flow]") {
  const int n = GENERATE(1, 2, 3, 7, 1000);
  Traffic traffic{{{kLink, {}}}, {}};
  for (int i = 0; i < n; ++i) traffic.flows.push_back(flow({0}, 1'000'003));
  const auto outcome = simulate(traffic, {.check_every_sharing = n < 100});
  // Each has 1/n of the link: t = m / (C / n).
  for (const Picoseconds finish : outcome.finish) check_time(finish, Bytes{1'000'003LL * n} / kLink);
  // All at once: one sharing when they start, one when they end.
  CHECK(outcome.sharings == 2);
}

TEST_CASE("flows of different sizes on one link end in order of size", "[oracle][flow]") {
  // a < b < c share evenly: a ends when each has drained a, at 3a / C. The others have b - a left, and half the link
  // each: b ends 2 (b - a) / C later, c another (c - b) / C later.
  const std::int64_t a = 1'000'000, b = 2'500'000, c = 9'999'999;
  const auto outcome = simulate({{{kLink, {}}}, {flow({0}, c), flow({0}, a), flow({0}, b)}});
  check_time(outcome.finish[1], Bytes{3 * a} / kLink);
  check_time(outcome.finish[2], Bytes{3 * a + 2 * (b - a)} / kLink);
  check_time(outcome.finish[0], Bytes{a + b + c} / kLink);
}

TEST_CASE("a flow of weight w drains w times as fast as one of weight 1 on the same link", "[oracle][flow]") {
  // Of 5 shares one has 3, the other 2. The first ends at 5 s / (3 C); the other has drained 2/3 of s by then, and has
  // C to itself for the third that is left: it ends at 2 s / C, when the link has carried both.
  const std::int64_t s = 3'000'000;
  Traffic traffic{{{kLink, {}}}, {flow({0}, s), flow({0}, s)}};
  traffic.flows[0].weight = 3;
  traffic.flows[1].weight = 2;
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  check_time(outcome.finish[0], Bytes{5 * s / 3} / kLink);
  check_time(outcome.finish[1], Bytes{2 * s} / kLink);
}

TEST_CASE("a weight does not lift a cap", "[oracle][flow]") {
  // The cap of 10 GB/s is the flow's, not that of a share of it: 40 GB/s are left to the other.
  Traffic traffic{{{kLink, {}}}, {flow({0}, 1'000'000), flow({0}, 4'000'000)}};
  traffic.flows[0].weight = 9;
  traffic.flows[0].rate_cap = Bandwidth::gbyte_per_s(10);
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  check_time(outcome.finish[0], Bytes{1'000'000} / Bandwidth::gbyte_per_s(10));
  check_time(outcome.finish[1], Bytes{4'000'000} / Bandwidth::gbyte_per_s(40));
}

TEST_CASE("parking lot: the flow over all links waits for each link's own flow", "[oracle][flow]") {
  // n links of C in a line, each with a flow of its own of s bytes, and one flow of 3 s over all of them. All rates are
  // C / 2 until the short flows end together at 2 s / C; the long one then has 2 s left and C: it ends at 4 s / C.
  const int n = GENERATE(1, 2, 5, 20);
  const std::int64_t s = 1'000'001;
  Traffic traffic;
  TrafficFlow all = flow({}, 3 * s);
  for (int i = 0; i < n; ++i) {
    traffic.links.push_back({kLink, {}});
    traffic.flows.push_back(flow({i}, s));
    all.links.push_back(LinkId{i});
  }
  traffic.flows.push_back(all);
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  for (int i = 0; i < n; ++i) check_time(outcome.finish[static_cast<std::size_t>(i)], Bytes{2 * s} / kLink);
  check_time(outcome.finish.back(), Bytes{4 * s} / kLink);
  CHECK(outcome.sharings == 3);
}

TEST_CASE("a capped flow leaves the rest of the link to the other", "[oracle][flow]") {
  // The cap is C / 5, so the other has 4 C / 5 for its m bytes; then the capped one goes on as before.
  Traffic traffic{{{kLink, {}}}, {flow({0}, 4'000'000), flow({0}, 4'000'000)}};
  traffic.flows[0].rate_cap = Bandwidth::gbyte_per_s(10);
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  check_time(outcome.finish[1], Bytes{4'000'000} / Bandwidth::gbyte_per_s(40));
  check_time(outcome.finish[0], Bytes{4'000'000} / Bandwidth::gbyte_per_s(10));
}

TEST_CASE("a flow waits for its start-up and latencies, then drains", "[oracle][flow]") {
  // Start at 5 ns, start-up 1 us, 300 ns and 200 ns on the way, then 1 MiB at the slower link's 25 GB/s.
  Traffic traffic{{{kLink, {300'000}}, {Bandwidth::gbyte_per_s(25), {200'000}}}, {flow({0, 1}, kMiB.count)}};
  traffic.flows[0].start = {5'000};
  traffic.flows[0].start_up = {1'000'000};
  const Picoseconds begin{5'000 + 1'000'000 + 300'000 + 200'000};
  CHECK(simulate(traffic).finish[0] == begin + kMiB / Bandwidth::gbyte_per_s(25));

  SECTION("nothing to send takes the waiting alone") {
    traffic.flows[0].bytes = {0};
    CHECK(simulate(traffic).finish[0] == begin);
  }
  SECTION("while it waits it takes nothing from others") {
    // The other has the link to itself from 0.3 us to 1.505 us: 50e9 * 1.205e-6 = 60,250 bytes.
    traffic.flows.push_back(flow({0}, 60'250));
    const auto outcome = simulate(traffic);
    CHECK(outcome.finish[1].count == begin.count);
    CHECK(outcome.finish[0] == begin + kMiB / Bandwidth::gbyte_per_s(25));
  }
}

TEST_CASE("a flow without links drains at its cap", "[oracle][flow]") {
  Traffic traffic{{}, {flow({}, 3'000'000), flow({}, 1'000'000)}};
  for (auto& f : traffic.flows) f.rate_cap = Bandwidth::gbyte_per_s(2);
  const auto outcome = simulate(traffic, {.check_every_sharing = true});
  CHECK(outcome.finish[0] == Picoseconds{1'500'000'000});
  CHECK(outcome.finish[1] == Picoseconds{500'000'000});
}

TEST_CASE("uniform all-to-all on one switch is bound by each rank's port", "[oracle][flow]") {
  // Each port carries P - 1 messages of m bytes at its capacity: t = (P - 1) m / B, and all end at that instant.
  const int ranks = GENERATE(2, 8, 64, 256);
  const Bytes m{GENERATE(1'048'576, 999'999'937)};
  const auto outcome = simulate(single_switch_all_to_all(ranks, kLink, [&](int, int) { return m; }));
  for (const Picoseconds finish : outcome.finish) {
    if (std::abs(finish.count - ((ranks - 1) * m / kLink).count) > 1) check_time(finish, (ranks - 1) * m / kLink);
  }
  CHECK(outcome.end == outcome.finish[0]);
  check_time(outcome.end, (ranks - 1) * m / kLink);
  CHECK(outcome.sharings == 2);
}

TEST_CASE("uniform all-to-all on a two-level cluster is bound by the NICs", "[oracle][flow]") {
  // On a node of 8: 7 messages through each NVLink port. Beyond it, P - 8 through each NIC; the leaves' links are as
  // wide as their NICs together, and never bind. Inside the nodes all is over after 7 m / 450 GB/s.
  const int ranks = GENERATE(2, 8, 64, 256);
  const auto outcome = simulate(cluster_all_to_all(ranks, [](int, int) { return kMiB; }));
  const int on_node = std::min(ranks, kRanksPerNode);
  const Picoseconds expected =
      ranks > kRanksPerNode ? (ranks - kRanksPerNode) * kMiB / kNic : (on_node - 1) * kMiB / kNvlink;
  check_time(outcome.end, expected);
  check_time(outcome.finish[0], (on_node - 1) * kMiB / kNvlink);  // Rank 0 to rank 1.
  CHECK(outcome.sharings == (ranks > kRanksPerNode ? 3 : 2));
}

TEST_CASE("lognormal all-to-all takes the published time", "[oracle][flow]") {
  // Nearly every flow ends at a time of its own, and every end changes rates. Source: SimGrid 3.32 and 4.1, exact
  // max-min, same platform and sizes; seconds to the 9 decimals that they agree in.
  struct Case {
    int ranks;
    double seconds;
  };
  const auto [ranks, seconds] = GENERATE(Case{32, 0.000924927}, Case{64, 0.001912834}, Case{128, 0.003836200});
  const auto bytes = lognormal_bytes(ranks);
  const auto outcome = simulate(
      cluster_all_to_all(ranks, [&](int from, int to) { return bytes[static_cast<std::size_t>(from * ranks + to)]; }));
  CHECK_THAT(outcome.end.seconds(), WithinAbs(seconds, 0.5e-9));
}

TEST_CASE("what a flow network cannot mean is refused", "[flow]") {
  Simulator simulator;
  const std::vector<LinkSpec> links{{kLink, {}}, {kLink, {}}};
  FlowNetwork network(simulator, links);
  const RouteId route = network.add_route(ids({0, 1}));
  const RouteId copy = network.add_route({});
  CHECK_THROWS_AS(network.add_route(ids({0, 1, 0})), InternalError);
  CHECK_THROWS_AS(network.add_route(ids({2})), InternalError);
  CHECK_THROWS_AS(network.start({.route = RouteId{7}}), InternalError);
  CHECK_THROWS_AS(network.start({.route = route, .bytes = {-1}}), InternalError);
  CHECK_THROWS_AS(network.start({.route = route, .bytes = {1}, .multiplicity = 0}), InternalError);
  CHECK_THROWS_AS(network.start({.route = route, .bytes = {1}, .rate_cap = Bandwidth{}}), InternalError);
  CHECK_THROWS_AS(network.start({.route = copy, .bytes = {1}}), InternalError);
  CHECK(network.live_flows() == 0);
  const std::vector<LinkSpec> broken{{Bandwidth{}, {}}};
  CHECK_THROWS_AS(FlowNetwork(simulator, broken), InternalError);
}

TEST_CASE("rates can be asked for while flows drain", "[flow]") {
  Simulator simulator;
  const std::vector<LinkSpec> links{{kLink, {1'000}}};
  FlowNetwork network(simulator, links);
  const RouteId route = network.add_route(ids({0}));
  const FlowId first = network.start({.route = route, .bytes = kMiB});
  const FlowId second = network.start({.route = route, .bytes = kMiB, .multiplicity = 3});
  CHECK(network.rate_bytes_per_s(first) == 0);  // On its way.
  struct Ask final : EventHandler {
    FlowNetwork& network;
    FlowId first, second;
    double rates[2] = {};
    Ask(FlowNetwork& n, FlowId a, FlowId b) : network(n), first(a), second(b) {}
    void on_event(std::uint64_t) override {
      rates[0] = network.rate_bytes_per_s(first);
      rates[1] = network.rate_bytes_per_s(second);
    }
  } ask(network, first, second);
  simulator.schedule({2'000}, ask, 0);
  simulator.run();
  CHECK_THAT(ask.rates[0], WithinRel(12.5e9, 1e-12));
  CHECK_THAT(ask.rates[1], WithinRel(12.5e9, 1e-12));
  CHECK(network.rate_bytes_per_s(first) == 0);
  CHECK(network.live_flows() == 0);
  CHECK(network.bytes_carried(LinkId{0}) == 4 * kMiB);
}
