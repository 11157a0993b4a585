#pragma once

#include <cstdint>
#include <string>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// "nearest: 32 or 64": the divisors of `number` next to `wanted`.
std::string near_divisors(std::int64_t number, std::int64_t wanted);

// Refuses a scenario whose tokens or messages are more than any machine has room for, with what they would take.
void check_size(const Scenario& scenario, const JsonReader& reader);

}  // namespace moesim
