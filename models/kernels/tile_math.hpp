#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace moesim {

// Whole parts of size b that cover a. Both whole numbers; b above 0.
inline double ceil_div(double a, double b) { return std::ceil(a / b); }
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// (x^q + y^q)^(1/q), what two streams take that overlap, but not perfectly where they are of a size: q = 1 adds them, a
// large q hides the shorter.
inline double overlapped(double x, double y, double q) {
  const double larger = std::max(x, y);
  return larger <= 0 ? 0 : larger * std::pow(1 + std::pow(std::min(x, y) / larger, q), 1 / q);
}

}  // namespace moesim
