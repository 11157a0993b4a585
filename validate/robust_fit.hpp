#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace moesim {

// One constant that is to be found. `min` and `max` are allowed values; where min > 0 its logarithm is searched, so
// that a factor of two is as far at either end.
struct FitParameter {
  std::string name;
  double start = 0;
  double min = 0;
  double max = 0;
};

// predict(constants [parameters], predicted [rows]): the model's times, all above 0.
using Predict = std::function<void(std::span<const double>, std::span<double>)>;

struct FitOptions {
  // Relative errors well below this count by their square, those well above by their size alone, so that outliers and
  // shapes that the model cannot follow do not bend the fit to the rest.
  double robust_scale = 0.1;
  int max_iterations = 60;
  std::function<void(int iteration, double cost)> progress;  // May be empty.
};

struct FitSolution {
  std::vector<double> constants;  // [parameters], each in its range
  double cost = 0;                // Mean over rows of the soft-L1 loss below.
  int iterations = 0;
};

// Minimises over the constants the mean of 2 s^2 (sqrt(1 + (r / s)^2) - 1), r = ln(predicted / measured), s the robust
// scale: Levenberg-Marquardt on reweighted least squares with numeric derivatives, then a search along each constant,
// which gets over the kinks that waves and tile choices put into the models. Deterministic. `measured` above 0; no more
// constants than rows.
FitSolution robust_log_fit(std::span<const FitParameter> parameters, std::span<const double> measured,
                           const Predict& predict, const FitOptions& options = {});

}  // namespace moesim
