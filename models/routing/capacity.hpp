#pragma once

#include <cstdint>

#include "models/routing/choices.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

// How many of `tokens` one expert accepts: floor(floor(tokens * k / N) * factor), at least one; factor 1 where the
// router has no capacity. `tokens` are those of the capacity's scope. An exchange with fixed buffers (GShard, Switch on
// XLA) sends that many slots from every source rank to every expert, whether they are filled or not.
std::int64_t capacity_slots(const RouterSpec& router, std::int64_t tokens);

// Drops what overflows: an expert accepts its first `slots` choices, all tokens' first choices before all second ones
// (and so on), tokens in order among them, as in GShard's Algorithm 1. `choices` has shares.
void drop_overflow(int experts, std::int64_t slots, Choices& choices);

}  // namespace moesim
