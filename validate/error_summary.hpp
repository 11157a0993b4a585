#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moesim {

// How far predictions are from measurements; the error of a row is predicted / measured - 1.
struct ErrorSummary {
  std::int64_t rows = 0;
  double mean_abs = 0;  // Mean of the errors' sizes: what tables call MAPE.
  double median_abs = 0;
  double p90_abs = 0;
  double bias = 0;  // exp(mean ln(predicted / measured)) - 1: above 0 where the model is too slow.
};

// Both above 0 and of one length; without rows all is 0. Quantiles are of the nearest rank.
ErrorSummary error_summary(std::span<const double> predicted, std::span<const double> measured);

// Whether the rows of a shape are held out of a fit: decided by the shape's key and the seed alone, so that all rows
// of a shape fall on one side, whatever else is in the file.
bool is_held_out(std::string_view shape, std::uint64_t seed, double fraction);

}  // namespace moesim
