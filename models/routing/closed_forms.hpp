#pragma once

#include <cstdint>

#include "models/rank_layout.hpp"

namespace moesim {

// Mean and variance over tokens of a count per token. The sum over T tokens, which choose independently, has mean
// T * mean and standard deviation sqrt(T * variance).
struct TokenMoments {
  double mean = 0;
  double variance = 0;
};

// What uniform routing without drops sends off a rank, per token: k distinct experts of N, every set equally likely,
// N/P experts a rank. Derived in docs/models/routing.md.

// Copies that leave their rank, one for each chosen expert: k (1 - 1/P).
TokenMoments uniform_remote_copies(int experts, int ranks, int top_k);

// Distinct remote destinations, where `destinations` (P ranks, or M nodes) split the experts evenly:
// (P - 1) (1 - C(N - N/P, k) / C(N, k)). Give ranks for one copy a rank, nodes for one copy a node.
TokenMoments uniform_remote_destinations(int experts, int destinations, int top_k);

// C(population - excluded, k) / C(population, k): the chance that k distinct draws avoid `excluded` things. A product
// of k factors, so nothing overflows.
double chance_to_avoid(int population, int excluded, int k);

}  // namespace moesim
