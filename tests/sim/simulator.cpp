#include "sim/simulator.hpp"

#include <thread>
#include <utility>
#include <vector>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace {

using namespace moesim;

// Notes when it was told of what, and for a while schedules more, as its own random numbers will have it.
class Chatter final : public EventHandler {
 public:
  Chatter(Simulator& simulator, std::uint64_t seed) : simulator_(simulator), rng_(seed, 0) {
    for (std::uint64_t i = 0; i < 20; ++i) simulator_.schedule({static_cast<std::int64_t>(rng_.below(50))}, *this, i);
  }

  void on_event(std::uint64_t payload) override {
    log.emplace_back(simulator_.now().count, payload);
    if (log.size() > 3000) return;
    const std::uint32_t more = rng_.below(3);
    for (std::uint32_t i = 0; i < more; ++i) {
      simulator_.schedule(simulator_.now() + Picoseconds{rng_.below(1000)}, *this, rng_.next_u32());
    }
  }

  std::vector<std::pair<std::int64_t, std::uint64_t>> log;

 private:
  Simulator& simulator_;
  Rng rng_;
};

std::vector<std::pair<std::int64_t, std::uint64_t>> log_of_one(std::uint64_t seed) {
  Simulator simulator;
  Chatter chatter(simulator, seed);
  simulator.run();
  return chatter.log;
}

class Recorder final : public EventHandler {
 public:
  void on_event(std::uint64_t payload) override { seen.push_back(payload); }
  std::vector<std::uint64_t> seen;
};

// Schedules one event for the past.
class Backward final : public EventHandler {
 public:
  explicit Backward(Simulator& simulator) : simulator_(simulator) {}
  void on_event(std::uint64_t) override { simulator_.schedule(simulator_.now() - Picoseconds{1}, *this, 0); }

 private:
  Simulator& simulator_;
};

}  // namespace

TEST_CASE("events run by time, and in the order of their scheduling at one time") {
  Simulator simulator;
  Recorder recorder;
  simulator.schedule({30}, recorder, 0);
  simulator.schedule({10}, recorder, 1);
  simulator.schedule({30}, recorder, 2);
  simulator.schedule({20}, recorder, 3);
  CHECK(simulator.events_pending() == 4);
  CHECK(simulator.step());
  CHECK(simulator.now().count == 10);
  simulator.schedule({10}, recorder, 4);  // For this very instant.
  simulator.run();
  CHECK(recorder.seen == std::vector<std::uint64_t>{1, 4, 3, 0, 2});
  CHECK(simulator.now().count == 30);
  CHECK(simulator.events_run() == 5);
  CHECK_FALSE(simulator.step());
}

TEST_CASE("an event for the past is a bug of ours") {
  Simulator simulator;
  Backward backward(simulator);
  simulator.schedule({5}, backward, 0);
  CHECK_THROWS_AS(simulator.run(), InternalError);
}

TEST_CASE("two simulators that take turns do not disturb each other", "[property]") {
  Simulator first, second;
  Chatter a(first, 1), b(second, 2);
  bool more = true;
  while (more) {
    more = first.step();
    more = second.step() || more;
  }
  CHECK(a.log == log_of_one(1));
  CHECK(b.log == log_of_one(2));
}

TEST_CASE("simulators in threads give what they give alone", "[property]") {
  constexpr std::size_t kThreads = 4;
  std::vector<std::vector<std::pair<std::int64_t, std::uint64_t>>> logs(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back([&logs, i] { logs[i] = log_of_one(i); });
  }
  for (std::size_t i = 0; i < kThreads; ++i) {
    CAPTURE(i);
    CHECK(logs[i].size() > 20);
    CHECK(logs[i] == log_of_one(i));
  }
}
