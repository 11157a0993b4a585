#include "validate/probes/host/reference.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "sim/check.hpp"
#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

// Indices of the k largest values that `allowed` lets through, best first; and the gap to the first that was left out.
template <class Allowed>
std::pair<std::vector<int>, double> largest(std::span<const double> values, int k, const Allowed& allowed) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(values.size()); ++i) {
    if (allowed(i)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  const auto kept = static_cast<std::size_t>(k);
  MOESIM_CHECK(order.size() >= kept, "{} of {} values", k, order.size());
  double gap = std::numeric_limits<double>::infinity();
  if (order.size() > kept) {
    gap = values[static_cast<std::size_t>(order[kept - 1])] - values[static_cast<std::size_t>(order[kept])];
  }
  order.resize(kept);
  return {order, gap};
}

}  // namespace

double relative_error(std::span<const double> output, std::span<const double> reference) {
  MOESIM_CHECK(output.size() == reference.size() && !output.empty(), "{} outputs, {} references", output.size(),
               reference.size());
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    difference += (output[i] - reference[i]) * (output[i] - reference[i]);
    norm += reference[i] * reference[i];
  }
  if (norm == 0) return difference == 0 ? 0 : difference * std::numeric_limits<double>::infinity();
  return std::sqrt(difference / norm);
}

ProbeCheck worst(std::span<const ProbeCheck> checks) {
  MOESIM_CHECK(!checks.empty(), "no checks");
  const auto strain = [](const ProbeCheck& check) {
    if (std::isnan(check.error)) return std::numeric_limits<double>::infinity();
    if (check.error == 0) return 0.0;
    return check.tolerance == 0 ? std::numeric_limits<double>::infinity() : check.error / check.tolerance;
  };
  ProbeCheck found = checks.front();
  for (const ProbeCheck& check : checks) {
    if (strain(check) > strain(found) || (!std::isnan(found.error) && std::isnan(check.error))) found = check;
  }
  return found;
}

std::vector<std::int64_t> sample_indices(std::int64_t count, std::int64_t most, std::uint64_t seed) {
  MOESIM_CHECK(count > 0 && most > 1 && count < std::int64_t{1} << 32, "{} of {}", most, count);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(count, most)));
  if (count <= most) {
    std::iota(indices.begin(), indices.end(), std::int64_t{0});
    return indices;
  }
  indices = {0, count - 1};
  for (std::int64_t i = 2; i < most; ++i) {
    indices.push_back(random_below(seed, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(count)));
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return indices;
}

Choice choose_softmax(std::span<const float> logits, int top_k) {
  const std::vector<double> values(logits.begin(), logits.end());
  auto [experts, gap] = largest(values, top_k, [](int) { return true; });
  const double highest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += std::exp(value - highest);
  Choice choice{std::move(experts), {}, gap};
  for (const int expert : choice.experts) {
    choice.weights.push_back(std::exp(values[static_cast<std::size_t>(expert)] - highest) / sum);
  }
  return choice;
}

Choice choose_group_limited(std::span<const float> logits, std::span<const float> bias, int top_k, int groups,
                            int groups_kept, double scale) {
  const std::size_t experts = logits.size();
  MOESIM_CHECK(bias.size() == experts && groups > 0 && experts % static_cast<std::size_t>(groups) == 0,
               "{} experts, {} biases, {} groups", experts, bias.size(), groups);
  const std::size_t group_size = experts / static_cast<std::size_t>(groups);
  std::vector<double> scores(experts);
  std::vector<double> biased(experts);
  for (std::size_t i = 0; i < experts; ++i) {
    scores[i] = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
    biased[i] = scores[i] + static_cast<double>(bias[i]);
  }
  std::vector<double> group_scores;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
    const std::span<const double> group = std::span<const double>(biased).subspan(g * group_size, group_size);
    const auto best = largest(group, std::min(2, static_cast<int>(group_size)), [](int) { return true; }).first;
    double sum = 0;
    for (const int i : best) sum += group[static_cast<std::size_t>(i)];
    group_scores.push_back(sum);
  }
  const auto [kept, group_gap] = largest(group_scores, groups_kept, [](int) { return true; });
  const auto& kept_groups = kept;
  auto [chosen, gap] = largest(biased, top_k, [&](int i) {
    const int group = i / static_cast<int>(group_size);
    return std::find(kept_groups.begin(), kept_groups.end(), group) != kept_groups.end();
  });
  Choice choice{std::move(chosen), {}, std::min(gap, group_gap)};
  double sum = 0;
  for (const int expert : choice.experts) sum += scores[static_cast<std::size_t>(expert)];
  for (const int expert : choice.experts) {
    choice.weights.push_back(scores[static_cast<std::size_t>(expert)] / sum * scale);
  }
  return choice;
}

double block_scale(std::span<const double> block) {
  double largest_magnitude = 0;
  for (const double value : block) largest_magnitude = std::max(largest_magnitude, std::abs(value));
  return largest_magnitude == 0 ? 1 : largest_magnitude / kLargestE4m3;
}

double e4m3_value(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15;
  const int fraction = bits & 7;
  if (exponent == 15 && fraction == 7) return std::numeric_limits<double>::quiet_NaN();
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return bits & 0x80 ? -magnitude : magnitude;
}

double bf16_value(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

std::vector<std::int64_t> expert_offsets(std::span<const int> ids, int experts) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(experts) + 1);
  for (const int id : ids) {
    MOESIM_CHECK(id >= 0 && id < experts, "expert {} of {}", id, experts);
    ++offsets[static_cast<std::size_t>(id) + 1];
  }
  for (std::size_t e = 1; e < offsets.size(); ++e) offsets[e] += offsets[e - 1];
  return offsets;
}

bool is_expert_order(std::span<const int> ids, std::span<const int> row_of, int experts) {
  if (ids.size() != row_of.size()) return false;
  const std::vector<std::int64_t> offsets = expert_offsets(ids, experts);
  std::vector<bool> taken(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto expert = static_cast<std::size_t>(ids[i]);
    if (row_of[i] < offsets[expert] || row_of[i] >= offsets[expert + 1]) return false;
    if (taken[static_cast<std::size_t>(row_of[i])]) return false;
    taken[static_cast<std::size_t>(row_of[i])] = true;
  }
  return true;
}

std::vector<int> shuffled_ids(std::span<const std::int64_t> rows, std::uint64_t seed) {
  std::vector<int> ids;
  for (std::size_t e = 0; e < rows.size(); ++e) {
    ids.insert(ids.end(), static_cast<std::size_t>(rows[e]), static_cast<int>(e));
  }
  for (std::size_t i = ids.size(); i > 1; --i) {
    std::swap(ids[i - 1], ids[random_below(seed, i, static_cast<std::uint32_t>(i))]);
  }
  return ids;
}

}  // namespace moesim::probe
