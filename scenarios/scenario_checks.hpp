#pragma once

#include <cstdint>
#include <string>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// "nearest: 32 or 64": the divisors of `number` next to `wanted` that are at most `most`.
std::string near_divisors(std::int64_t number, std::int64_t wanted, std::int64_t most);

// The largest divisor of `number` that is at most `most`.
std::int64_t largest_divisor(std::int64_t number, std::int64_t most);

// Refuses a scenario whose tokens or messages are more than any machine has room for, with what they would take.
void check_size(const Scenario& scenario, const JsonReader& reader);

// A line for people, with its end, where the run may take long; empty where it will not.
std::string long_run_notice(const Scenario& scenario);

}  // namespace moesim
