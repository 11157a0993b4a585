#include "validate/probes/host/run.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/catch.hpp"
#include "tests/probes/fake_bench.hpp"

using namespace moesim;
using namespace moesim::probe;

namespace {

std::vector<PlannedPoint> some_points(std::size_t count) {
  std::vector<PlannedPoint> plan = make_plan(true, 1, 1);
  std::erase_if(plan, [](const PlannedPoint& point) { return point.caches.size() != 2; });
  plan.resize(count);
  return plan;
}

std::vector<ProbePoint> run(const std::vector<PlannedPoint>& plan, FakeBench& bench, RunRules rules = {},
                            const RunHooks& hooks = {}) {
  return run_plan(plan, bench, 1, bench.now_s(), rules, hooks);
}

std::size_t count(const std::vector<ProbePoint>& points, ProbeStatus status) {
  return static_cast<std::size_t>(
      std::count_if(points.begin(), points.end(), [&](const ProbePoint& point) { return point.status == status; }));
}

}  // namespace

TEST_CASE("a run measures each point cold and hot, and tells of each as soon as it is known", "[probe]") {
  FakeBench bench;
  const auto plan = some_points(4);
  std::vector<std::size_t> told;
  RunHooks hooks;
  hooks.record = [&](const ProbePoint&, std::size_t done, std::size_t all) {
    CHECK(all == 8);
    told.push_back(done);
  };
  RunRules rules;
  rules.hot_sample_us = 190;
  const auto points = run(plan, bench, rules, hooks);
  REQUIRE(points.size() == 8);
  CHECK(told == std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(bench.prepared == 4);  // Once for both.
  for (std::size_t i = 0; i < points.size(); ++i) {
    const ProbePoint& point = points[i];
    CAPTURE(i);
    CHECK(point.status == ProbeStatus::measured);
    CHECK(point.measurement.kernel == plan[i / 2].what.kernel);
    CHECK(point.measurement.cache == (i % 2 == 0 ? "cold" : "hot"));
    CHECK(point.measurement.time_us == Approx(i % 2 == 0 ? 125 : 100).epsilon(0.001));
    CHECK(point.launches_per_sample == (i % 2 == 0 ? 1 : 2));  // 190 us of about 100 us each.
    CHECK(point.stopped == "spread");
    CHECK(point.samples_us.size() == 10);  // The least; warm-ups are not among them.
    CHECK(point.check.value().passed());
  }
}

TEST_CASE("noisy points are sampled until the most, quiet ones until the median is known", "[probe]") {
  FakeBench bench;
  bench.jitter = 0.5;
  RunRules rules;
  rules.longest_point_s = 1000;
  rules.budget_s = 1e6;
  rules.stopping.max_samples = 37;
  const auto points = run(some_points(1), bench, rules);
  CHECK(points.front().stopped == "samples");
  CHECK(points.front().samples_us.size() == 37);
}

TEST_CASE("each point gets its share of the time that is left, and the run keeps to its budget", "[probe]") {
  FakeBench bench;
  bench.jitter = 0.5;  // No point is ever satisfied.
  bench.setup_s = 0.01;
  bench.overhead_s = 0.001;
  RunRules rules;
  rules.budget_s = 4;
  rules.stopping.max_samples = 100'000;
  const double start = bench.now_s();
  const auto points = run(some_points(10), bench, rules);
  CHECK(count(points, ProbeStatus::measured) == 20);
  // One batch of samples may begin just before the end.
  CHECK(bench.now_s() - start < 4.1);
  CHECK(bench.now_s() - start > 3.5);
  for (const ProbePoint& point : points) CHECK(point.stopped == "time");
}

TEST_CASE("points for which there is no time left are named, not dropped", "[probe]") {
  FakeBench bench;
  bench.setup_s = 1;
  RunRules rules;
  rules.budget_s = 2.5;
  const auto points = run(some_points(6), bench, rules);
  REQUIRE(points.size() == 12);
  CHECK(bench.prepared == 3);
  CHECK(count(points, ProbeStatus::measured) == 6);
  CHECK(count(points, ProbeStatus::no_time) == 6);
  CHECK(points.back().reason == "the time of the run was spent before");
}

TEST_CASE("an interrupt half-way keeps what was measured, and the point that it hit", "[probe]") {
  FakeBench bench;
  bench.jitter = 0.5;
  bool interrupted = false;
  bench.on_sample = [&](std::int64_t before) { interrupted = interrupted || before == 40; };
  RunRules rules;
  rules.stopping.max_samples = 20;
  RunHooks hooks;
  hooks.interrupted = [&] { return interrupted; };
  const auto points = run(some_points(6), bench, rules, hooks);
  REQUIRE(points.size() == 12);
  // 23 samples with the warm-ups: the 41st falls into the third batch of the second state of the cache.
  CHECK(points[0].stopped == "samples");
  CHECK(points[1].stopped == "interrupt");
  CHECK(points[1].status == ProbeStatus::measured);
  CHECK(points[1].samples_us.size() == 15);
  CHECK(count(points, ProbeStatus::measured) == 2);
  CHECK(points[2].status == ProbeStatus::interrupted);
}

TEST_CASE("a kernel whose output is wrong, or no number, is not timed", "[probe]") {
  FakeBench bench;
  const double error = GENERATE(0.5, std::nan(""));
  bench.check = [&](const PlannedPoint&) { return ProbeCheck{error, 5e-3}; };
  const auto points = run(some_points(2), bench);
  CHECK(count(points, ProbeStatus::check_failed) == 4);
  CHECK(bench.samples == 0);
  CHECK(points.front().check.has_value());
  CHECK(points.front().samples_us.empty());
}

TEST_CASE("what a point throws is its own, until the device is lost", "[probe]") {
  FakeBench bench;
  bench.on_prepare = [&](const PlannedPoint&) {
    if (bench.prepared == 1) throw Unsupported("no FP8 here");
    if (bench.prepared == 2) throw OutOfMemory("too large");
    if (bench.prepared == 3) throw std::runtime_error("bad call");
    if (bench.prepared == 5) throw DeviceLost("illegal address");
  };
  const auto points = run(some_points(7), bench);
  REQUIRE(points.size() == 14);
  const auto status = [&](std::size_t i) { return points[2 * i].status; };
  CHECK(status(0) == ProbeStatus::unsupported);
  CHECK(points[0].reason == "no FP8 here");
  CHECK(status(1) == ProbeStatus::no_memory);
  CHECK(status(2) == ProbeStatus::failed);
  CHECK(status(3) == ProbeStatus::measured);
  CHECK(status(4) == ProbeStatus::failed);
  CHECK(status(5) == ProbeStatus::failed);
  CHECK(points.back().reason == "the device was lost before: illegal address");
  CHECK(bench.prepared == 5);
}

TEST_CASE("an error between the two states of the cache leaves the first as measured", "[probe]") {
  FakeBench bench;
  bench.on_sample = [](std::int64_t before) {
    if (before == 13) throw std::runtime_error("later");  // 3 warm-ups and 10 samples of the first.
  };
  const auto points = run(some_points(1), bench);
  REQUIRE(points.size() == 2);
  CHECK(points[0].status == ProbeStatus::measured);
  CHECK(points[1].status == ProbeStatus::failed);
}

TEST_CASE("samples at a low clock are dropped and counted, and more are taken", "[probe]") {
  FakeBench bench;
  bench.on_sample = [&](std::int64_t before) {
    const bool slow = before >= 3 && before < 11;  // The first eight after the warm-ups.
    bench.clock_mhz = slow ? 900 : 1900;
    bench.sample_us = slow ? 200 : 100;
  };
  const auto points = run(some_points(1), bench);
  CHECK(points[0].dropped_throttled == 8);
  CHECK(points[0].samples_us.size() == 20);
  CHECK(points[0].measurement.time_us == Approx(125).epsilon(0.001));
}

TEST_CASE("a point at a low clock from first to last, as under a power limit, stays and is noted", "[probe]") {
  FakeBench bench;
  bench.on_prepare = [&](const PlannedPoint&) { bench.clock_mhz = bench.prepared == 1 ? 1000 : 1980; };
  ProbeFile file = fake_header();
  file.points = run(some_points(2), bench);
  settle(file, {});
  REQUIRE(count(file.points, ProbeStatus::measured) == 4);
  CHECK(file.points[0].dropped_throttled == 0);
  CHECK(file.points[0].measurement.time_us == Approx(125).epsilon(0.001));
  CHECK(file.points[0].observed.at("share_of_highest_clock") == 0.505);
  CHECK(file.points[2].observed.count("share_of_highest_clock") == 0);
  CHECK(file.device.highest_clock_mhz == 1980);
  CHECK(file.device.lowest_clock_mhz == 1000);
  settle(file, {});
  CHECK(file.points[0].observed.size() == 1);
}

TEST_CASE("samples in which the host was too slow are counted, beside what else was observed", "[probe]") {
  FakeBench bench;
  bench.on_sample = [&](std::int64_t before) { bench.host_bound = before < 5; };  // 3 warm-ups and 2 that count.
  const auto plan = make_plan(true, 1, 1, "contention");
  const auto points = run({plan[0], plan[1]}, bench);
  CHECK(points[0].observed == std::map<std::string, double>{{"host_bound_samples", 2}, {"stream_gb_per_s", 397.5}});
  CHECK(points[1].observed == std::map<std::string, double>{{"stream_gb_per_s", 397.5}});
}

TEST_CASE("an error while a point is recorded is told once; the point is not repeated and the run goes on", "[probe]") {
  FakeBench bench;
  std::vector<std::string> errors;
  std::size_t calls = 0;
  RunHooks hooks;
  hooks.record = [&](const ProbePoint&, std::size_t done, std::size_t) {
    ++calls;
    if (done >= 2) throw std::runtime_error("disk full at " + std::to_string(done));
  };
  hooks.record_failed = [&](const std::string& error) { errors.push_back(error); };
  const auto points = run(some_points(3), bench, {}, hooks);
  CHECK(calls == 6);
  CHECK(errors == std::vector<std::string>{"disk full at 2"});
  CHECK(count(points, ProbeStatus::measured) == 6);
}

TEST_CASE("without a clock nothing is called throttled", "[probe]") {
  FakeBench bench;
  bench.clock_mhz = 0;
  ProbeFile file = fake_header();
  file.points = run(some_points(1), bench);
  settle(file, {});
  CHECK(file.points[0].status == ProbeStatus::measured);
  CHECK_FALSE(file.device.highest_clock_mhz.has_value());
}

TEST_CASE("the same seed gives the same run, byte for byte", "[probe]") {
  const auto text = [] {
    FakeBench bench;
    ProbeFile file = fake_header();
    file.points = run(some_points(5), bench);
    return probe_file_json(file);
  };
  CHECK(text() == text());
}
