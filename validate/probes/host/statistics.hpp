#pragma once

#include <span>
#include <string>
#include <vector>

namespace moesim::probe {

// The value below which a share q of the values lies, 0 <= q <= 1, linear between order statistics. `values` in any
// order, not empty.
double quantile(std::span<const double> values, double q);

struct Summary {
  double median = 0;
  double p10 = 0;
  double p90 = 0;
};
Summary summarize(std::span<const double> values);  // Not empty.

// Half the width of the 95 % confidence interval of the median, over the median. It is the interval between two order
// statistics (ranks n/2 -+ 0.98 sqrt(n)), so it assumes no distribution. Infinite below 6 values, where no two order
// statistics enclose the median so surely.
double median_uncertainty(std::span<const double> values);

// When to take no more samples of a point.
struct StoppingRule {
  int min_samples = 10;
  int max_samples = 200;
  double uncertainty = 0.005;  // Of the median, as above.
};

enum class Stop { no, spread, samples };
// `kept` are the samples that count; `taken` how many there are with those dropped.
Stop should_stop(const StoppingRule& rule, std::span<const double> kept, std::size_t taken);

// The median of the clocks that are known; 0 if none is.
double median_clock_mhz(std::span<const double> clocks_mhz);

// The samples whose clock is at least `fraction` of their median clock; those without a clock (0, or `clocks_mhz`
// empty) count as good. At least half of them are.
std::vector<double> unthrottled(std::span<const double> samples, std::span<const double> clocks_mhz, double fraction);

}  // namespace moesim::probe
