#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/kernels/expert_model.hpp"

namespace moesim {

// How the benchmark of NVIDIA AIConfigurator loads the experts of its rank 0, re-made from what it does
// (ai-dynamo/aiconfigurator, collector/helper.py and collector/trtllm/collect_moe.py at 095f58a):
//
// balanced: token i takes experts i + j * stride modulo E, stride = ceil(E / k); fewer tokens than the stride are
// spread evenly over it.
//
// power_law:ALPHA: independent popularities of density x^-ALPHA, on [1, 0.8 tokens] or, where rows are fewer than
// experts, [0.01, 2]; scaled to all rows and rounded; an expert takes at most `tokens`, and what is too much or too
// little is dealt rank by rank to the expert with least, or taken from that with most. The rank with most rows is
// measured. Its rows are the mean of five draws whose seed is not known, and so are these: two sets of five differ by
// 2.6 % of the time, on average.
struct ExpertGroup {
  std::int64_t tokens = 0;  // Of all ranks.
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  std::int64_t ep = 0;  // Divides experts.
};

// The measured rank's load; `load` is "balanced" or "power_law:ALPHA".
ExpertLoad drawn_load(const ExpertGroup& group, const std::string& load);

// One draw: rows of the measured rank's experts [experts / ep].
std::vector<std::int64_t> balanced_rows(const ExpertGroup& group);
std::vector<std::int64_t> power_law_rows(const ExpertGroup& group, double alpha, std::uint64_t draw);

// Adds `amount` rows one by one to the expert with the fewest, none beyond `most`; a negative amount takes them from
// the one with the most, none below 0. What finds no place is left. `rows` [experts], each from 0 to `most`.
void level_rows(std::span<std::int64_t> rows, std::int64_t amount, std::int64_t most);

}  // namespace moesim
