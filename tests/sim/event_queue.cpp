#include "sim/event_queue.hpp"

#include <map>
#include <memory>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/sim/allocations.hpp"

namespace {

using namespace moesim;

// A delay whose size is spread over many powers of two, often zero, often one of few values, so that equal times come
// up in every bucket of the queue.
std::int64_t random_delay(Rng& rng) {
  switch (rng.below(4)) {
    case 0:
      return 0;
    case 1:
      return rng.below(4) * 1000;
    case 2:
      return rng.below(300);
    default:
      return static_cast<std::int64_t>(rng.next_u64() >> (14 + rng.below(50)));
  }
}

}  // namespace

TEST_CASE("the queue agrees with a multimap on random interleavings", "[diff]") {
  // std::multimap keeps equal keys in the order of their insertion, which is the order promised.
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 0);
    EventQueue queue;
    std::multimap<std::int64_t, std::uint64_t> reference;
    std::int64_t now = 0;
    const std::uint32_t push_per_mille = 300 + rng.below(500);
    for (std::uint64_t i = 0; i < 2000; ++i) {
      if (reference.empty() || rng.below(1000) < push_per_mille) {
        const std::int64_t at = now + random_delay(rng);
        queue.push({{at}, nullptr, i});
        reference.emplace(at, i);
      } else {
        now = reference.begin()->first;
        REQUIRE(queue.next_at().count == now);
        const Event event = queue.pop();
        REQUIRE(event.at.count == now);
        REQUIRE(event.payload == reference.begin()->second);
        reference.erase(reference.begin());
      }
      REQUIRE(queue.size() == reference.size());
    }
    for (const auto& [at, payload] : reference) {
      const Event event = queue.pop();
      REQUIRE(event.at.count == at);
      REQUIRE(event.payload == payload);
    }
    REQUIRE(queue.empty());
  }
}

TEST_CASE("events at one time come out in the order in which they went in", "[property]") {
  // Half are pushed when their time is far away, half when the clock is just before it, from other buckets.
  constexpr Picoseconds kAt{1'000'000'007};
  EventQueue queue;
  for (std::uint64_t i = 0; i < 5000; ++i) queue.push({kAt, nullptr, i});
  for (const std::int64_t before : {999'999'999LL, 500'000'000LL, 1'000'000'006LL}) queue.push({{before}, nullptr, 0});
  for (int i = 0; i < 3; ++i) queue.pop();
  for (std::uint64_t i = 5000; i < 10000; ++i) queue.push({kAt, nullptr, i});
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const Event event = queue.pop();
    REQUIRE(event.at == kAt);
    REQUIRE(event.payload == i);
  }
}

TEST_CASE("the queue reaches from time zero to the last picosecond") {
  EventQueue queue;
  queue.push({Picoseconds::max(), nullptr, 1});
  queue.push({Picoseconds::zero(), nullptr, 2});
  queue.push({Picoseconds::max(), nullptr, 3});
  CHECK(queue.pop().payload == 2);
  CHECK(queue.next_at() == Picoseconds::max());
  CHECK(queue.pop().payload == 1);
  CHECK(queue.pop().payload == 3);
  CHECK(queue.empty());
}

TEST_CASE("the queue refuses the past, and to give what it has not") {
  EventQueue queue;
  CHECK_THROWS_AS(queue.pop(), InternalError);
  CHECK_THROWS_AS(queue.next_at(), InternalError);
  CHECK_THROWS_AS(queue.push({{-1}, nullptr, 0}), InternalError);
  queue.push({{10}, nullptr, 0});
  queue.pop();
  CHECK_THROWS_AS(queue.push({{9}, nullptr, 0}), InternalError);
  queue.push({{10}, nullptr, 0});  // Now is not the past.
  CHECK(queue.pop().at.count == 10);
}

TEST_CASE("in the steady state nothing is allocated", "[property]") {
  constexpr int kPending = 20'000;
  constexpr int kEvents = 500'000;
  // Delays that hardly ever repeat, and delays that pile thousands of events on one time.
  const std::int64_t grain = GENERATE(1, 20'000'000);
  CAPTURE(grain);
  Rng rng(1, 0);
  EventQueue queue;
  const auto push = [&](Picoseconds now) {
    const auto grains = static_cast<std::int64_t>(rng.exponential() * 1e7) / grain;
    queue.push({now + Picoseconds{(grains + 1) * grain}, nullptr, 0});
  };
  for (int i = 0; i < kPending; ++i) push(Picoseconds::zero());
  for (int i = 0; i < kEvents; ++i) push(queue.pop().at);
  const std::size_t before = test::allocations();
  for (int i = 0; i < kEvents; ++i) push(queue.pop().at);
  CHECK(test::allocations() == before);
  // The counter itself works.
  const auto probe = std::make_unique<int>(1);
  CHECK(test::allocations() > before);
}
