#include "sim/trace.hpp"

#include <vector>

#include "tests/catch.hpp"

namespace {

using namespace moesim;

struct OneLane {
  Trace trace;
  ProcessId node = trace.add_process("node 0", 0);
  LaneId lane = trace.add_lane(node, "compute", 0);
  NameId gate = trace.intern("gate");
  NameId experts = trace.intern("experts");
};

}  // namespace

TEST_CASE("equal names are stored once") {
  Trace trace;
  const NameId a = trace.intern("a");
  CHECK(trace.intern("b") != a);
  CHECK(trace.intern("a") == a);
  CHECK(trace.name(a) == "a");
}

TEST_CASE_METHOD(OneLane, "slices are sorted by lane and time") {
  const LaneId second = trace.add_lane(node, "copy", 1);
  trace.add_slice(second, gate, {0}, {5});
  trace.add_slice(lane, experts, {10}, {20});
  trace.add_slice(lane, gate, {0}, {10});
  trace.add_slice(lane, gate, {10}, {10});  // Of no length, between the two.
  trace.sort();
  REQUIRE(trace.slices().size() == 4);
  CHECK(trace.slices()[0].begin.count == 0);
  CHECK(trace.slices()[1].end.count == 10);
  CHECK(trace.slices()[2].name == experts);
  CHECK(trace.slices()[3].lane == second);
}

TEST_CASE_METHOD(OneLane, "slices that overlap in a lane are refused by name") {
  trace.add_slice(lane, experts, {9}, {20});
  trace.add_slice(lane, gate, {0}, {10});
  CHECK_THROWS_WITH(trace.sort(), ContainsSubstring("'compute'") && ContainsSubstring("'gate' [0, 10)") &&
                                      ContainsSubstring("'experts' [9, 20)"));
}

TEST_CASE_METHOD(OneLane, "a slice of no length inside another is refused") {
  trace.add_slice(lane, experts, {0}, {20});
  trace.add_slice(lane, gate, {10}, {10});
  CHECK_THROWS_AS(trace.sort(), InternalError);
}

TEST_CASE_METHOD(OneLane, "what runs backwards is refused") {
  CHECK_THROWS_AS(trace.add_slice(lane, gate, {10}, {9}), InternalError);
  CHECK_THROWS_AS(trace.add_arrow(lane, {10}, lane, {9}), InternalError);
  const CounterId counter = trace.add_counter(node, "load");
  trace.add_sample(counter, {10}, 1);
  CHECK_THROWS_AS(trace.add_sample(counter, {9}, 1), InternalError);
}

TEST_CASE_METHOD(OneLane, "of several samples at one instant the last stays") {
  const CounterId load = trace.add_counter(node, "load");
  const CounterId other = trace.add_counter(node, "other");
  trace.add_sample(load, {10}, 1);
  trace.add_sample(other, {10}, 7);
  trace.add_sample(load, {10}, 2);
  trace.add_sample(load, {11}, 3);
  REQUIRE(trace.samples().size() == 3);
  CHECK(trace.samples()[0].value == 2);
  CHECK(trace.samples()[1].value == 7);
  CHECK(trace.samples()[2].value == 3);
}

TEST_CASE("a link's use becomes slices with their mean rate", "[oracle]") {
  Trace trace;
  const ProcessId node = trace.add_process("node 0", 0);
  LinkUsageRecorder recorder(trace,
                             {{node, "up", Bandwidth::gbyte_per_s(50)}, {node, "idle", Bandwidth::gbyte_per_s(50)}});
  const LinkId up(0);
  recorder.on_link_rate(LinkId(1), {0}, 0);
  // 100 ns at 50 GB/s, 300 ns at 10 GB/s: 8 kB in 400 ns are 20 GB/s.
  recorder.on_link_rate(up, {1'000'000}, 50e9);
  recorder.on_link_rate(up, {1'100'000}, 10e9);
  recorder.on_link_rate(up, {1'400'000}, 0);
  // Idle for 600 ns; then a flow that follows another without a pause, told of as a rate of zero that takes no time.
  recorder.on_link_rate(up, {2'000'000}, 25e9);
  recorder.on_link_rate(up, {2'500'000}, 0);
  recorder.on_link_rate(up, {2'500'000}, 50e9);
  recorder.finish({3'000'000});
  trace.sort();

  REQUIRE(trace.lanes().size() == 1);  // None for the link that carried nothing.
  CHECK(trace.name(trace.lanes()[0].name) == "up");
  REQUIRE(trace.slices().size() == 2);
  const TraceSlice& first = trace.slices()[0];
  CHECK(first.begin.count == 1'000'000);
  CHECK(first.end.count == 1'400'000);
  REQUIRE(first.argument.has_value());
  CHECK(trace.name(first.argument->name) == "mean_gbyte_per_s");
  CHECK_THAT(first.argument->value, WithinRel(20.0, 1e-12));
  const TraceSlice& second = trace.slices()[1];
  CHECK(second.begin.count == 2'000'000);
  CHECK(second.end.count == 3'000'000);
  CHECK_THAT(second.argument->value, WithinRel(37.5, 1e-12));

  std::vector<double> shares;
  for (const TraceSample& sample : trace.samples()) shares.push_back(sample.value);
  CHECK(shares == std::vector<double>{1, 0.2, 0, 0.5, 1});
}

TEST_CASE("a link that fell idle before the end is not busy until the end") {
  Trace trace;
  const ProcessId node = trace.add_process("node 0", 0);
  LinkUsageRecorder recorder(trace, {{node, "up", Bandwidth::gbyte_per_s(50)}});
  recorder.on_link_rate(LinkId(0), {10}, 1e9);
  recorder.on_link_rate(LinkId(0), {20}, 0);
  recorder.finish({100});
  REQUIRE(trace.slices().size() == 1);
  CHECK(trace.slices()[0].end.count == 20);
  CHECK_THROWS_AS(recorder.on_link_rate(LinkId(0), {99}, 1e9), InternalError);
}

TEST_CASE("busy time by mean rate is the bytes that the link carried", "[property]") {
  const std::vector<LinkSpec> links{{Bandwidth::gbyte_per_s(50), {700'000}}, {Bandwidth::gbyte_per_s(20), {300'000}}};
  Simulator simulator;
  FlowNetwork network(simulator, links);
  Trace trace;
  const ProcessId node = trace.add_process("node 0", 0);
  LinkUsageRecorder recorder(trace, {{node, "a", links[0].capacity}, {node, "b", links[1].capacity}});
  network.set_observer(&recorder);
  const std::vector<LinkId> both{LinkId(0), LinkId(1)};
  const std::vector<LinkId> one{LinkId(0)};
  FlowSpec flow;
  for (std::int64_t i = 0; i < 10; ++i) {
    flow.route = network.add_route(i % 2 == 0 ? std::span<const LinkId>(both) : std::span<const LinkId>(one));
    flow.bytes = {1'000'000 * (i + 1)};
    flow.start_up = {i * 400'000'000};  // Some overlap, and some leave the links idle between them.
    network.start(flow);
  }
  simulator.run();
  recorder.finish(simulator.now());
  trace.sort();
  std::vector<double> carried(links.size());
  for (const TraceSlice& slice : trace.slices()) {
    carried[static_cast<std::size_t>(trace.lanes()[slice.lane.index()].sort_order)] +=
        slice.argument->value * 1e9 * (slice.end - slice.begin).seconds();
  }
  CHECK(trace.slices().size() > links.size());
  // Ends are told in whole picoseconds, in which 50 GB/s carry a twentieth of a byte; there are 10 flows.
  for (std::size_t i = 0; i < links.size(); ++i) {
    CHECK_THAT(carried[i],
               WithinAbs(static_cast<double>(network.bytes_carried(LinkId(static_cast<std::int64_t>(i))).count), 2.0));
  }
}
