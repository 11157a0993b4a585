#include "sim/flow_classes.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/flow_reference.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/sim/traffic.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

constexpr Bytes kMiB{1048576};

// Simulates with and without classes, and gives the outcome with.
Outcome check_classes(const Traffic& traffic, double tolerance = 0) {
  const auto with = simulate(traffic, {.check_every_sharing = true, .tolerance = tolerance});
  const auto without = simulate(traffic, {.tolerance = tolerance, .classes = false});
  for (std::size_t f = 0; f < with.finish.size(); ++f) {
    const auto expected = static_cast<double>(without.finish[f].count);
    CAPTURE(f, with.finish[f].count, without.finish[f].count);
    // Both are rounded up to a picosecond.
    if (std::abs(static_cast<double>(with.finish[f].count) - expected) > 1 + 1e-9 * expected) FAIL("an end differs");
  }
  CHECK(with.carried == without.carried);
  CHECK(without.classes == 0);
  return with;
}

// A cluster of equal nodes; who sends to whom, how much and when looks the same from each rank of a rail. Up to three
// sizes by the distance between nodes, later flows for some distances, caps and weights for others.
Traffic random_symmetric_traffic(std::uint64_t seed) {
  Rng random(seed, 0);
  const int per_node = 1 + static_cast<int>(random.below(4));
  const int nodes = 6 + static_cast<int>(random.below(8));
  const int ranks = nodes * per_node;
  Traffic traffic;
  const auto add_links = [&](int count) {
    const auto capacity = Bandwidth::gbyte_per_s(10 + random.below(40));
    for (int i = 0; i < count; ++i) traffic.links.push_back({capacity, {}});
  };
  add_links(ranks);      // Out of each rank,
  add_links(ranks);      // into each rank,
  add_links(nodes);      // out of each node,
  add_links(nodes);      // into each node,
  add_links(2 * nodes);  // and between neighbours: a flow to the node after the next crosses two of these.
  std::vector<Bytes> bytes;
  for (int i = 0; i < 3; ++i) bytes.push_back({1'000'000 + std::int64_t{random.below(4'000'000)}});
  for (int distance = 0; distance < nodes; ++distance) {
    TrafficFlow flow;
    flow.bytes = bytes[random.below(3)];
    if (random.below(3) == 0) flow.start = {random.below(100'000'000)};
    if (random.below(4) == 0) flow.rate_cap = Bandwidth::gbyte_per_s(1 + random.below(10));
    flow.weight = 1 + static_cast<std::int32_t>(random.below(4) / 2);
    for (int from = 0; from < ranks; ++from) {
      const int node = from / per_node;
      const int to_node = (node + distance) % nodes;
      for (int to = to_node * per_node; to < (to_node + 1) * per_node; ++to) {
        if (to == from) continue;
        flow.links = {LinkId{from}, LinkId{ranks + to}};
        if (distance == 2) {
          flow.links.insert(flow.links.begin() + 1,
                            {LinkId{2 * ranks + 2 * nodes + node}, LinkId{2 * ranks + 2 * nodes + (node + 1) % nodes}});
        } else if (distance != 0) {
          flow.links.insert(flow.links.begin() + 1, {LinkId{2 * ranks + node}, LinkId{2 * ranks + nodes + to_node}});
        }
        traffic.flows.push_back(flow);
      }
    }
  }
  std::ranges::stable_sort(traffic.flows, {}, &TrafficFlow::start);
  return traffic;
}

}  // namespace

TEST_CASE("a uniform all-to-all on a cluster has two classes of flows", "[oracle][classes]") {
  // Within a node over NVLink, between nodes over NICs: the uplinks, as wide as the NICs, never bind. Each NIC carries
  // ranks - 8 of the flows: t = (ranks - 8) m / C.
  const int ranks = GENERATE(16, 64);
  const auto traffic = cluster_all_to_all(ranks, [](int, int) { return kMiB; });
  const auto outcome = simulate(traffic);
  CHECK(outcome.classes == (traffic.flows.size() >= 256 ? 2 : 0));
  CHECK(std::abs(outcome.end.count - (Bytes{(ranks - 8) * kMiB.count} / kNic).count) <= 1);
}

TEST_CASE("symmetric traffic ends the same with and without classes", "[diff][classes]") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(0, 200)));
  CAPTURE(seed);
  check_classes(random_symmetric_traffic(seed));
}

TEST_CASE("nearly symmetric traffic ends the same with and without classes", "[diff][classes]") {
  // One flow larger, one later, a link slower, or a flow too few: the symmetry is broken near it first, and then, as
  // the classes are told apart by what they cross, all over.
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1000, 1200)));
  CAPTURE(seed);
  Traffic traffic = random_symmetric_traffic(seed);
  Rng random(seed, 1);
  TrafficFlow& flow = traffic.flows[random.below(static_cast<std::uint32_t>(traffic.flows.size()))];
  switch (random.below(4)) {
    case 0:
      flow.bytes = flow.bytes + Bytes{1};
      break;
    case 1:
      flow.start = flow.start + Picoseconds{5'000'000};
      break;
    case 2:
      traffic.links[flow.links[0].index()].capacity = Bandwidth::gbyte_per_s(9);
      break;
    default:
      traffic.flows.erase(traffic.flows.begin() + 3);
      break;
  }
  check_classes(traffic);
}

TEST_CASE("symmetric traffic in classes agrees with the reference", "[diff][classes]") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(2000, 2010)));
  CAPTURE(seed);
  const Traffic traffic = random_symmetric_traffic(seed);
  std::vector<ReferenceFlow> flows;
  for (const TrafficFlow& flow : traffic.flows) {
    flows.push_back({{flow.links, flow.rate_cap, flow.multiplicity, flow.weight}, flow.bytes, flow.start, {}});
  }
  const auto expected = reference_finish_ps(traffic.links, flows);
  const auto outcome = simulate(traffic);
  for (std::size_t f = 0; f < flows.size(); ++f) {
    const auto actual = static_cast<long double>(outcome.finish[f].count);
    CAPTURE(f, static_cast<double>(expected[f]), outcome.finish[f].count);
    if (actual < expected[f] * (1 - 1e-9L) || actual > expected[f] * (1 + 1e-9L) + 1) FAIL("an end differs");
  }
}

TEST_CASE("a tolerance treats classes as it treats their flows", "[diff][classes]") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(0, 30)));
  CAPTURE(seed);
  check_classes(random_symmetric_traffic(seed), 1e-2);
}

TEST_CASE("classes are used where flows are alike and not where they are not", "[classes]") {
  CHECK(check_classes(cluster_all_to_all(32, [](int, int) { return kMiB; })).classes == 2);
  // Skew by destination: what the 8 ranks of a node send to a rank elsewhere is alike. Within a node each rank leaves
  // out itself, another size for each, so that no two ranks have the same flows.
  const auto skewed = check_classes(cluster_all_to_all(64, [](int, int to) { return Bytes{1'000'000 + 1000 * to}; }));
  CHECK(skewed.flows_in_classes == 64 * 63);
  CHECK(skewed.classes == 8 * 56 + 64 * 7);
  const auto bytes = lognormal_bytes(32);
  const auto unequal = check_classes(
      cluster_all_to_all(32, [&](int from, int to) { return bytes[static_cast<std::size_t>(from * 32 + to)]; }));
  CHECK(unequal.flows_in_classes == 0);
}

TEST_CASE("an equitable partition is told from one that only looks equal link by link", "[classes]") {
  // Two rings of flows over pairs of links: one of six links, two of three. Every link carries two flows, every flow
  // crosses two links: colour refinement cannot tell them apart, and need not, since their rates are the same.
  Traffic traffic;
  for (int i = 0; i < 12; ++i) traffic.links.push_back({kNic, {}});
  for (int copy = 0; copy < 25; ++copy) {
    for (int i = 0; i < 6; ++i) traffic.flows.push_back({{LinkId{i}, LinkId{(i + 1) % 6}}, kMiB, {}, {}, {}, 1});
    for (int i = 0; i < 6; ++i) {
      const int ring = 6 + i / 3 * 3;
      traffic.flows.push_back({{LinkId{ring + i % 3}, LinkId{ring + (i + 1) % 3}}, kMiB, {}, {}, {}, 1});
    }
  }
  CHECK(check_classes(traffic).classes == 1);
}

TEST_CASE("found classes are equitable, told by counting", "[property][classes]") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(0, 50)));
  CAPTURE(seed);
  const Traffic traffic = random_symmetric_traffic(seed);
  std::vector<double> capacities;
  for (const LinkSpec& link : traffic.links) capacities.push_back(link.capacity.bytes_per_s());
  RouteTable routes(capacities);
  FlowClasses classes;
  for (const TrafficFlow& flow : traffic.flows) {
    classes.add(routes.add(flow.links), {static_cast<double>(flow.bytes.count), 0,
                                         flow.rate_cap ? flow.rate_cap->bytes_per_s() : INFINITY, flow.weight});
  }
  routes.count_all_links();
  routes.count();
  if (!classes.find(routes, capacities)) return;
  std::size_t members = 0;
  double weight = 0;
  double weight_of_classes = 0;
  for (const TrafficFlow& flow : traffic.flows) weight += flow.weight;
  // What each link of the quotient is asked to carry for its capacity must be what each link it stands for is.
  std::map<std::int32_t, double> asked;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto flow = classes.of(c);
    members += classes.members(c).size();
    weight_of_classes += static_cast<double>(flow.kind.weight);
    for (const LinkId link : flow.links) asked[link.value] += static_cast<double>(flow.kind.weight) * flow.kind.bytes;
    for (const std::int32_t f : classes.members(c)) {
      CHECK(static_cast<double>(traffic.flows[static_cast<std::size_t>(f)].bytes.count) == flow.kind.bytes);
    }
  }
  CHECK(members == traffic.flows.size());
  CHECK(weight == weight_of_classes);
  std::vector<double> loads(capacities.size());
  for (const TrafficFlow& flow : traffic.flows) {
    for (const LinkId link : flow.links) {
      loads[link.index()] += flow.weight * static_cast<double>(flow.bytes.count) / capacities[link.index()];
    }
  }
  std::vector<double> quotient_loads;
  for (const auto& [link, bytes] : asked) {
    quotient_loads.push_back(bytes / classes.capacities()[static_cast<std::size_t>(link)]);
  }
  for (const double load : loads) {
    if (load == 0) continue;
    const auto near = [&](double other) { return std::abs(other / load - 1) < 1e-12; };
    CHECK(std::ranges::any_of(quotient_loads, near));
  }
}
