#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

// What the router of one layer sees in one step.
struct LayerLoad {
  int layer = 0;
  int step = 0;
  std::vector<std::int64_t> tokens_per_rank;  // [ranks]
  std::vector<double> popularity;             // [experts], sum 1
  // Some workloads have two sorts of tokens: of every `period` tokens of a source rank the first chooses by
  // `popularity`, the others by this one. Empty: all tokens are alike.
  std::vector<double> hot_popularity;
  int period = 1;
  bool dealt = false;           // Experts are dealt out in turn, k to a token: nothing is left to chance or to a score.
  std::uint64_t seed = 1;       // Of the tokens.
  std::uint64_t gate_seed = 1;  // Of the gate matrix, which a layer keeps from step to step.

  // Whether the token, counted in its source rank, is one of the hot sort.
  bool is_hot(std::int64_t token) const { return !hot_popularity.empty() && token % period != 0; }
};

}  // namespace moesim
