#pragma once

#include <cstdint>

#include "models/routing/alternatives.hpp"
#include "models/routing/choices.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

// How many of `tokens` one expert accepts: floor(floor(tokens * k / N) * factor), at least one; factor 1 where the
// router has no capacity. `tokens` are those of the capacity's scope that are routed, each part of a token counted.
std::int64_t capacity_slots(const RouterSpec& router, std::int64_t tokens);

// How many of one source rank's `tokens` one expert accepts, where the capacity is the rank's or its sequences'. An
// exchange with fixed buffers (GShard, Switch on XLA) sends that many slots from every source rank to every expert,
// whether they are filled or not.
std::int64_t slots_of_rank(const RouterSpec& router, std::int64_t tokens);

// Lets every expert accept its first `slots` choices in the capacity's order:
//   position  all tokens' first choices before all second ones (and so on), tokens in order among them, as in GShard's
//             Algorithm 1;
//   score     by weight, the largest first; of equal ones as above.
// What overflows is sent on in that same order, after all choices were heard, as the capacity's `overflow` says, and
// dropped where no expert is left for it: never to an expert that the token has chosen already. `choices` has shares,
// weights if choices are ordered by score, and `others` tells where to send on; null: everywhere dropped.
void enforce_capacity(const RouterSpec& router, std::int64_t slots, Choices& choices, Alternatives* others = nullptr);

}  // namespace moesim
