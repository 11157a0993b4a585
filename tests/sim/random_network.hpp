#pragma once

#include <cstdint>

#include "tests/sim/traffic.hpp"

namespace moesim::test {

// A small network with traffic, drawn from `seed`: 2 to 60 links of very different capacities, 1 to 100 flows over 1 to
// 6 of them (few over none), some with caps, latencies, start-ups, copies or weights; about a quarter of all flows
// start at time zero, some have equal sizes, so that ends coincide. All of it takes milliseconds: 1e-9 of it is a
// picosecond.
Traffic random_traffic(std::uint64_t seed);

// The same with 2 to 300 links, and 1 to 500 flows where the seed is a multiple of 100.
Traffic random_large_traffic(std::uint64_t seed);

}  // namespace moesim::test
