#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/sim/allocations.hpp"
#include "tests/sim/random_network.hpp"
#include "tests/sim/traffic.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

// Adds up what passed each link, from the rates that it is told of.
class Integral final : public LinkObserver {
 public:
  explicit Integral(std::size_t links) : rate_(links), since_(links), bytes_(links) {}

  void on_link_rate(LinkId link, Picoseconds at, double bytes_per_s) override {
    in_order_ = in_order_ && at >= last_;
    last_ = at;
    bytes_[link.index()] += rate_[link.index()] * (at - since_[link.index()]).seconds();
    rate_[link.index()] = bytes_per_s;
    since_[link.index()] = at;
  }

  double bytes(std::size_t link) const { return bytes_[link]; }
  double rate(std::size_t link) const { return rate_[link]; }
  bool in_order() const { return in_order_; }

 private:
  std::vector<double> rate_;
  std::vector<Picoseconds> since_;
  std::vector<double> bytes_;
  Picoseconds last_;
  bool in_order_ = true;
};

std::vector<std::size_t> shuffled(std::size_t n, Rng& random) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

constexpr std::uint32_t kRanks = 64;

// As many senders on one switch, each starting its next message to a random rank when the last has arrived.
struct Senders final : FlowListener {
  Simulator simulator;
  FlowNetwork network;
  Rng random{7, 0};
  std::vector<RouteId> routes;  // [source * kRanks + destination]
  int left = 0;
  std::int32_t highest_id = 0;

  Senders() : network(simulator, std::vector<LinkSpec>(2 * kRanks, {Bandwidth::gbyte_per_s(50), {1'000}})) {
    network.set_listener(this);
    for (std::uint32_t source = 0; source < kRanks; ++source) {
      for (std::uint32_t destination = 0; destination < kRanks; ++destination) {
        const LinkId route[] = {LinkId{source}, LinkId{kRanks + destination}};
        routes.push_back(network.add_route(route));
      }
    }
  }
  void send(std::uint64_t source) {
    const RouteId route = routes[source * kRanks + random.below(kRanks)];
    const FlowId id = network.start({.route = route, .bytes = {1 + random.below(1'000'000)}, .tag = source});
    highest_id = std::max(highest_id, id.value);
  }
  void on_flow_finished(FlowId, std::uint64_t source) override {
    if (left-- > 0) send(source);
  }
  void run(int messages) {
    left = messages;
    random.seek(0);
    for (std::uint64_t source = 0; source < kRanks; ++source) send(source);
    simulator.run();
  }
};

void check_same_finish(Picoseconds a, Picoseconds b, std::int64_t slack_ps) {
  if (std::abs(a.count - b.count) <= slack_ps) return;
  CAPTURE(a.count, b.count);
  FAIL("finish times differ");
}

}  // namespace

TEST_CASE("every byte of every flow crosses every link of its route", "[property][flow]") {
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  Integral integral(traffic.links.size());
  const auto outcome = simulate(traffic, {.observer = &integral});
  std::vector<std::int64_t> expected(traffic.links.size(), 0);
  for (const TrafficFlow& flow : traffic.flows) {
    for (const LinkId link : flow.links) expected[link.index()] += flow.multiplicity * flow.bytes.count;
  }
  CHECK(integral.in_order());
  for (std::size_t link = 0; link < expected.size(); ++link) {
    CAPTURE(link);
    CHECK(outcome.carried[link].count == expected[link]);
    CHECK(integral.rate(link) == 0);
    // The observer is told whole picoseconds: at most 1 ps of the capacity, 5e10 B/s, for each of its few hundred
    // changes.
    CHECK_THAT(integral.bytes(link), WithinAbs(static_cast<double>(expected[link]), 100));
  }
}

TEST_CASE("watching changes nothing", "[property][flow]") {
  // An observer makes the network keep account of links that never bind.
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  Integral integral(traffic.links.size());
  const auto watched = simulate(traffic, {.observer = &integral});
  const auto plain = simulate(traffic);
  for (std::size_t f = 0; f < traffic.flows.size(); ++f) check_same_finish(watched.finish[f], plain.finish[f], 1);
}

TEST_CASE("routes may come while flows drain", "[property][flow]") {
  // What is known of links that never bind then changes on the way.
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  const auto late = simulate(traffic, {.check_every_sharing = true, .late_routes = true});
  const auto early = simulate(traffic);
  for (std::size_t f = 0; f < traffic.flows.size(); ++f) check_same_finish(late.finish[f], early.finish[f], 1);
  CHECK(late.carried == early.carried);
}

TEST_CASE("a second run gives the same picoseconds", "[property][flow]") {
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  CHECK(simulate(traffic).finish == simulate(traffic).finish);
}

TEST_CASE("twice the bytes at no latency take twice the time", "[property][flow]") {
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  Traffic once = random_traffic(seed);
  for (LinkSpec& link : once.links) link.latency = {};
  for (TrafficFlow& flow : once.flows) flow.start = flow.start_up = {};
  Traffic twice = once;
  for (TrafficFlow& flow : twice.flows) flow.bytes += flow.bytes;
  const auto one = simulate(once);
  const auto two = simulate(twice);
  for (std::size_t f = 0; f < once.flows.size(); ++f) {
    check_same_finish(two.finish[f], one.finish[f] + one.finish[f], 2);
  }
}

TEST_CASE("other names for links and another order of flows change nothing", "[property][flow]") {
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  const Traffic traffic = random_traffic(seed);
  Rng random(seed, 1);
  const auto link_names = shuffled(traffic.links.size(), random);
  const auto flow_order = shuffled(traffic.flows.size(), random);
  Traffic renamed = traffic;
  for (std::size_t l = 0; l < link_names.size(); ++l) renamed.links[link_names[l]] = traffic.links[l];
  for (std::size_t f = 0; f < flow_order.size(); ++f) {
    renamed.flows[flow_order[f]] = traffic.flows[f];
    for (LinkId& link : renamed.flows[flow_order[f]].links) {
      link = LinkId{static_cast<std::int64_t>(link_names[link.index()])};
    }
  }
  const auto one = simulate(traffic);
  const auto other = simulate(renamed);
  for (std::size_t f = 0; f < flow_order.size(); ++f) {
    check_same_finish(one.finish[f], other.finish[flow_order[f]], 1);
  }
  for (std::size_t l = 0; l < link_names.size(); ++l) CHECK(one.carried[l] == other.carried[link_names[l]]);
}

TEST_CASE("one flow told of n times is n flows", "[property][flow]") {
  const auto seed = GENERATE(range(1000u, 1100u));
  CAPTURE(seed);
  Traffic told_once = random_traffic(seed);
  Traffic told_each{told_once.links, {}};
  std::vector<std::size_t> original;
  for (std::size_t f = 0; f < told_once.flows.size(); ++f) {
    for (int copy = 0; copy < told_once.flows[f].multiplicity; ++copy) {
      told_each.flows.push_back(told_once.flows[f]);
      told_each.flows.back().multiplicity = 1;
      original.push_back(f);
    }
  }
  const auto once = simulate(told_once);
  const auto each = simulate(told_each);
  for (std::size_t f = 0; f < original.size(); ++f) check_same_finish(each.finish[f], once.finish[original[f]], 1);
  CHECK(once.carried == each.carried);
}

TEST_CASE("rate caps that come and go take no more and more room", "[flow]") {
  RateCaps caps;
  const std::int32_t kept = caps.take(7.5);
  for (int i = 0; i < 10'000; ++i) caps.release(caps.take(100.0 + i));
  CHECK(caps.size() < 100);
  CHECK(caps.take(7.5) == kept);
  // A cap that was idle keeps its number, or gets one that no live cap has.
  const std::int32_t again = caps.take(100.0 + 9'999);
  CHECK(again != kept);
  CHECK(caps.take(100.0 + 9'999) == again);
}

TEST_CASE("links that others always bind before are found", "[flow]") {
  // Two NICs of 1 below an uplink of 2, a downlink of 1.5, two NICs of 1.
  const double capacities[] = {1, 1, 2, 1.5, 1, 1};
  DominatedLinks links(capacities);
  const LinkId a{0}, b{1}, up{2}, down{3}, c{4}, d{5};
  for (const LinkId from : {a, b}) {
    for (const LinkId to : {c, d}) CHECK(links.add_route(std::vector{from, up, down, to}));
  }
  links.decide();
  CHECK(links.contains(up));          // 1 + 1 come through the NICs before it.
  CHECK_FALSE(links.contains(down));  // 2 may come to 1.5, and 2 may leave.
  for (const LinkId nic : {a, b, c, d}) CHECK_FALSE(links.contains(nic));
  // A route that reaches the uplink otherwise takes that away.
  CHECK_FALSE(links.add_route(std::vector{up, d}));
  CHECK_FALSE(links.contains(up));
}

TEST_CASE("traffic without an end reuses ids and memory", "[property][flow]") {
  Senders senders;
  for (int i = 0; i < 3; ++i) senders.run(20'000);
  const std::size_t before = allocations();
  senders.run(20'000);  // The same again: what those runs needed is there.
  CHECK(allocations() == before);
  CHECK(senders.highest_id <= static_cast<std::int32_t>(kRanks));
  CHECK(senders.network.live_flows() == 0);
}
