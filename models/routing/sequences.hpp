#pragma once

#include <cstdint>
#include <vector>

#include "models/routing/router_spec.hpp"
#include "models/routing/token_random.hpp"

namespace moesim {

// Neighbouring tokens of one source rank, and how many of them the layer processes: floor(share * tokens), at least
// one, under mixture of depths, else all.
struct Sequence {
  std::int64_t first = 0;
  std::int64_t tokens = 0;
  std::int64_t kept = 0;
};

// The sequences of a source rank with so many tokens, in order; no empty one.
std::vector<Sequence> sequences(const RouterSpec& router, std::int64_t tokens);

// Which tokens of a sequence the layer processes, [tokens] with `kept` ones, every set equally likely.
// From scores: each token has a standard normal one (its features along a router of its own, independent of the gate),
// and the highest stay. By counting: a token stays with the chance that the ones still wanted have among those left.
std::vector<char> kept_by_scores(const Sequence& sequence, detail::TokenRandom& random);
std::vector<char> kept_by_counting(const Sequence& sequence, detail::TokenRandom& random);

}  // namespace moesim
