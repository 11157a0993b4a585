#include "validate/error_summary.hpp"

#include <algorithm>
#include <cmath>

#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

double quantile(const std::vector<double>& sorted, double q) {
  const double rank = std::ceil(q * static_cast<double>(sorted.size())) - 1;
  return sorted[static_cast<std::size_t>(std::max(rank, 0.0))];
}

// FNV-1a: a key for the random numbers, not a source of randomness itself.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return value;
}

}  // namespace

ErrorSummary error_summary(std::span<const double> predicted, std::span<const double> measured) {
  MOESIM_CHECK(predicted.size() == measured.size(), "{} predictions of {} rows", predicted.size(), measured.size());
  ErrorSummary summary;
  if (predicted.empty()) return summary;
  std::vector<double> sizes;
  double logs = 0;
  double sum = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    sizes.push_back(std::abs(predicted[i] / measured[i] - 1));
    sum += sizes.back();
    logs += std::log(predicted[i] / measured[i]);
  }
  std::sort(sizes.begin(), sizes.end());
  const auto rows = static_cast<double>(sizes.size());
  summary.rows = static_cast<std::int64_t>(sizes.size());
  summary.mean_abs = sum / rows;
  summary.median_abs = quantile(sizes, 0.5);
  summary.p90_abs = quantile(sizes, 0.9);
  summary.bias = std::expm1(logs / rows);
  return summary;
}

bool is_held_out(std::string_view shape, std::uint64_t seed, double fraction) {
  return Rng(seed, hash(shape)).uniform() < fraction;
}

}  // namespace moesim
