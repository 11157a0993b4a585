#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "validate/probe_file.hpp"

namespace moesim::probe {

// ||output - reference|| / ||reference||. NaN if anything is no number; infinite where the reference is all zeros and
// the output is not.
double relative_error(std::span<const double> output, std::span<const double> reference);

// The check that is nearest to failing, or has failed; NaN first.
ProbeCheck worst(std::span<const ProbeCheck> checks);

// sum over inner of a(row, i) * b(column, i), for every pair of the lists: [rows.size(), columns.size()].
template <class A, class B>
std::vector<double> product_sample(std::span<const std::int64_t> rows, std::span<const std::int64_t> columns,
                                   std::int64_t inner, const A& a, const B& b) {
  const auto k = static_cast<std::size_t>(inner);
  std::vector<double> right(columns.size() * k);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    for (std::size_t i = 0; i < k; ++i) right[c * k + i] = b(columns[c], static_cast<std::int64_t>(i));
  }
  std::vector<double> left(k);
  std::vector<double> out;
  for (const std::int64_t row : rows) {
    for (std::size_t i = 0; i < k; ++i) left[i] = a(row, static_cast<std::int64_t>(i));
    for (std::size_t c = 0; c < columns.size(); ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < k; ++i) sum += left[i] * right[c * k + i];
      out.push_back(sum);
    }
  }
  return out;
}

// At most `most` of 0 .. count - 1, rising, with the first and the last and the others drawn by seed.
std::vector<std::int64_t> sample_indices(std::int64_t count, std::int64_t most, std::uint64_t seed);

// The experts of one token, best first, and their weights.
struct Choice {
  std::vector<int> experts;
  std::vector<double> weights;
  double margin = 0;  // The smallest gap on which the choice hangs: below rounding, another choice is as good.
};

// The k best logits (the lower index wins a tie), weighted by the softmax over all experts.
Choice choose_softmax(std::span<const float> logits, int top_k);

// DeepSeek-V3's gate: scores sigmoid(logit); a group scores by the sum of its two best scores plus bias; in the groups
// kept, the k best scores plus bias are chosen. Weights are the scores without bias, over their sum, times scale.
Choice choose_group_limited(std::span<const float> logits, std::span<const float> bias, int top_k, int groups,
                            int groups_kept, double scale);

// x / (1 + e^-x) * up
inline double swiglu_reference(double gate, double up) { return gate / (1 + std::exp(-gate)) * up; }

// The scale of a block of E4M3 numbers: its largest magnitude over the type's largest number, 448; 1 for zeros.
inline constexpr double kLargestE4m3 = 448;
double block_scale(std::span<const double> block);
double e4m3_value(std::uint8_t bits);  // NaN for 0x7f and 0xff.
double bf16_value(std::uint16_t bits);

// Copies of each expert and, at [experts], all of them: exclusive prefix sums. `ids` in 0 .. experts - 1.
std::vector<std::int64_t> expert_offsets(std::span<const int> ids, int experts);

// Whether `row_of[i]` sends copy i into its expert's rows, and no two copies to the same row.
bool is_expert_order(std::span<const int> ids, std::span<const int> row_of, int experts);

// An expert for each copy, with `rows[e]` copies of expert e, in an order drawn by seed.
std::vector<int> shuffled_ids(std::span<const std::int64_t> rows, std::uint64_t seed);

}  // namespace moesim::probe
