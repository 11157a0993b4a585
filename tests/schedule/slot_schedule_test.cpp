#include "models/schedule/slot_schedule.hpp"

#include <algorithm>

#include "tests/catch.hpp"

namespace moesim {
namespace {

constexpr Picoseconds ps(std::int64_t count) { return {count}; }

SlotTiming run(const Chain& first) {
  const Chain* const chains[] = {&first};
  return schedule_slot(chains);
}

SlotTiming run(const Chain& first, const Chain& second) {
  const Chain* const chains[] = {&first, &second};
  return schedule_slot(chains);
}

Picoseconds sum_of_phases(const SlotTiming& timing) {
  Picoseconds sum;
  for (const auto& [phase, time] : timing.phases) sum += time;
  return sum;
}

TEST_CASE("one chain takes the sum of its steps", "[oracle][schedule]") {
  Chain chain;
  chain.then(0, Lane::compute, ps(3));
  chain.then(1, Lane::exchange, ps(5));
  chain.then(2, Lane::compute, ps(7));
  const SlotTiming timing = run(chain);
  CHECK(timing.time == ps(15));
  CHECK(timing.busy[0] == ps(10));
  CHECK(timing.busy[1] == ps(5));
  CHECK(sum_of_phases(timing) == ps(15));
}

TEST_CASE("deferred work and work beside fill what an exchange leaves", "[oracle][schedule]") {
  Chain chain;
  chain.then(0, Lane::compute, ps(3));
  chain.deferred(9, ps(4));
  chain.beside(1, Lane::compute, ps(2));
  chain.then(2, Lane::exchange, ps(10));
  chain.then(3, Lane::compute, ps(1));
  // 0-3 compute; 3-13 exchange, beside it 3-5 and 5-9; 13-14.
  CHECK(run(chain).time == ps(14));
}

TEST_CASE("two chains hide each other's exchanges", "[oracle][schedule]") {
  Chain forward;
  Chain backward;
  for (int layer = 0; layer < 2; ++layer) {
    forward.then(0, Lane::compute, ps(10));
    forward.then(1, Lane::exchange, ps(10));
    backward.then(2, Lane::compute, ps(10));
    backward.then(3, Lane::exchange, ps(10));
  }
  // They take turns: only the last exchange shows.
  CHECK(run(forward, backward).time == ps(50));
  CHECK(run(forward).time == ps(40));
}

TEST_CASE("a slot is never faster than its fullest lane or its longest chain, nor slower than one after the other",
          "[schedule]") {
  std::uint64_t state = 1;
  const auto draw = [&](int below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<int>((state >> 33) % static_cast<std::uint64_t>(below));
  };
  for (int round = 0; round < 500; ++round) {
    Chain chains[2];
    Picoseconds lanes[kLanes] = {};
    for (Chain& chain : chains) {
      for (int i = draw(12) + 1; i > 0; --i) {
        const auto lane = static_cast<Lane>(draw(kLanes));
        const Picoseconds time = ps(draw(20));
        const int how = draw(4);
        if (how == 0) {
          chain.deferred(i, time);
        } else if (how == 1) {
          chain.beside(i, lane, time);
        } else {
          chain.then(i, lane, time);
        }
        lanes[static_cast<std::size_t>(how == 0 ? Lane::compute : lane)] += time;
      }
    }
    const SlotTiming both = run(chains[0], chains[1]);
    const SlotTiming first = run(chains[0]);
    const SlotTiming second = run(chains[1]);
    CHECK(both.time >= *std::max_element(std::begin(lanes), std::end(lanes)));
    CHECK(both.time <= lanes[0] + lanes[1] + lanes[2]);
    CHECK(sum_of_phases(both) == both.time);
    CHECK(sum_of_phases(first) == first.time);
    for (int lane = 0; lane < kLanes; ++lane) {
      CHECK(both.busy[lane] == lanes[lane]);
      CHECK(both.busy[lane] == first.busy[lane] + second.busy[lane]);
    }
    // No lane does two things at once.
    for (int lane = 0; lane < kLanes; ++lane) {
      Picoseconds free;
      for (const StepSpan& span : both.spans) {
        if (static_cast<int>(span.lane) != lane) continue;
        CHECK(span.begin >= free);
        free = span.end;
      }
    }
  }
}

TEST_CASE("appended chains wait for the end of what came before, not for what was deferred", "[oracle][schedule]") {
  Chain whole;
  whole.then(0, Lane::compute, ps(2));
  whole.deferred(1, ps(100));
  Chain next;
  next.then(2, Lane::exchange, ps(5));
  whole.append(next);
  whole.then(3, Lane::compute, ps(1));
  const SlotTiming timing = run(whole);
  CHECK(timing.time == ps(103));  // The deferred step had begun when the last one became ready.
  CHECK(timing.spans.at(2).begin == ps(2));
}

}  // namespace
}  // namespace moesim
