#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// The experts that a real router chose, ids[steps, layers, tokens, top_k], row-major. A token's experts differ from one
// another, best first as far as the recording says.
struct RecordedIds {
  int steps = 1;
  int layers = 1;
  std::int64_t tokens = 0;  // Of one layer in one step.
  int top_k = 1;
  std::vector<std::int32_t> ids;

  // The experts of one token; steps, layers and tokens beyond the recording begin it anew.
  std::span<const std::int32_t> row(std::int64_t step, std::int64_t layer, std::int64_t token) const {
    const std::int64_t block = (step % steps) * layers + layer % layers;
    const auto k = static_cast<std::size_t>(top_k);
    return std::span(ids).subspan(static_cast<std::size_t>(block * tokens + token % tokens) * k, k);
  }
};

// How many tokens each expert got, values[steps, layers, experts], row-major: counts, or anything proportional to them.
struct ExpertLoads {
  int steps = 1;
  int layers = 1;
  int experts = 1;
  std::vector<double> values;  // At least 0; no row is all zero.

  // The loads of one layer in one step; steps and layers beyond the table begin it anew.
  std::span<const double> row(std::int64_t step, std::int64_t layer) const {
    const auto n = static_cast<std::size_t>(experts);
    return std::span(values).subspan(static_cast<std::size_t>((step % steps) * layers + layer % layers) * n, n);
  }
};

}  // namespace moesim
