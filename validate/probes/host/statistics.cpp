#include "validate/probes/host/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/check.hpp"

namespace moesim::probe {
namespace {

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

double sorted_quantile(const std::vector<double>& values, double q) {
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

double quantile(std::span<const double> values, double q) {
  MOESIM_CHECK(!values.empty() && q >= 0 && q <= 1, "quantile {} of {} values", q, values.size());
  return sorted_quantile(sorted(values), q);
}

Summary summarize(std::span<const double> values) {
  MOESIM_CHECK(!values.empty(), "no values");
  const std::vector<double> ordered = sorted(values);
  return {sorted_quantile(ordered, 0.5), sorted_quantile(ordered, 0.1), sorted_quantile(ordered, 0.9)};
}

double median_uncertainty(std::span<const double> values) {
  constexpr double kHalfWidthPerRoot = 0.98;  // 1.96 standard deviations of a binomial rank, sqrt(n) / 2 each.
  const auto n = static_cast<double>(values.size());
  const double lower = std::floor(n / 2 - kHalfWidthPerRoot * std::sqrt(n));
  if (values.size() < 6 || lower < 0) return std::numeric_limits<double>::infinity();
  const std::vector<double> ordered = sorted(values);
  const auto low = static_cast<std::size_t>(lower);
  const double median = sorted_quantile(ordered, 0.5);
  return (ordered[ordered.size() - 1 - low] - ordered[low]) / 2 / median;
}

Stop should_stop(const StoppingRule& rule, std::span<const double> kept, std::size_t taken) {
  const auto min = static_cast<std::size_t>(rule.min_samples);
  if (kept.size() >= min && median_uncertainty(kept) <= rule.uncertainty) return Stop::spread;
  if (taken >= static_cast<std::size_t>(rule.max_samples)) return Stop::samples;
  return Stop::no;
}

double median_clock_mhz(std::span<const double> clocks_mhz) {
  std::vector<double> known(clocks_mhz.begin(), clocks_mhz.end());
  std::erase(known, 0.0);
  return known.empty() ? 0 : quantile(known, 0.5);
}

std::vector<double> unthrottled(std::span<const double> samples, std::span<const double> clocks_mhz, double fraction) {
  MOESIM_CHECK(clocks_mhz.empty() || clocks_mhz.size() == samples.size(), "{} clocks of {} samples", clocks_mhz.size(),
               samples.size());
  const double lowest = fraction * median_clock_mhz(clocks_mhz);
  std::vector<double> kept;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double clock = clocks_mhz.empty() ? 0 : clocks_mhz[i];
    if (clock == 0 || clock >= lowest) kept.push_back(samples[i]);
  }
  return kept;
}

}  // namespace moesim::probe
