#include "tests/routing/chi_squared.hpp"

#include <cmath>

#include "tests/catch.hpp"

namespace moesim::test {

double chi_squared_tail(double value, int degrees) {
  // Q(a, x) = 1 - P(a, x) with a = degrees / 2, x = value / 2: P by its series, Q by Lentz's continued fraction.
  const double a = degrees / 2.0;
  const double x = value / 2;
  if (x <= 0) return 1;
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x < a + 1) {
    double term = 1 / a;
    double sum = term;
    for (double n = a + 1; term > 1e-16 * sum; ++n) sum += term *= x / n;
    return 1 - scale * sum;
  }
  double b = x + 1 - a;
  double c = 1e300;
  double d = 1 / b;
  double fraction = d;
  for (int i = 1; i < 10'000; ++i) {
    const double an = i * (a - i);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return scale * fraction;
}

double pearson_tail(const std::map<Outcome, std::int64_t>& counts, const std::map<Outcome, double>& chances) {
  double total = 0;
  for (const auto& [outcome, count] : counts) {
    if (!chances.contains(outcome)) return 0;
    total += static_cast<double>(count);
  }
  double chi_squared = 0;
  double rare_expected = 0;
  double rare_counted = 0;
  int cells = 0;
  const auto add_cell = [&](double counted, double expected) {
    chi_squared += (counted - expected) * (counted - expected) / expected;
    ++cells;
  };
  for (const auto& [outcome, chance] : chances) {
    const auto found = counts.find(outcome);
    const double counted = found == counts.end() ? 0 : static_cast<double>(found->second);
    if (chance * total >= 5) {
      add_cell(counted, chance * total);
    } else {
      rare_expected += chance * total;
      rare_counted += counted;
    }
  }
  if (rare_expected >= 5) add_cell(rare_counted, rare_expected);
  return cells < 2 ? 1 : chi_squared_tail(chi_squared, cells - 1);
}

void CountSample::add(std::span<const std::int64_t> counts) {
  ++units_;
  for (std::size_t i = 0; i < size_; ++i) {
    if (counts[i] == 0) continue;
    const auto count = static_cast<double>(counts[i]);
    sum_[i] += count;
    for (std::size_t j = 0; j < size_; ++j) products_[i * size_ + j] += count * static_cast<double>(counts[j]);
  }
}

double CountSample::covariance(std::size_t i, std::size_t j) const {
  return (products_[i * size_ + j] - sum_[i] * sum_[j] / units_) / (units_ - 1);
}

double same_means_tail(const CountSample& a, const CountSample& b) {
  const std::size_t n = a.size() - 1;
  // Cholesky's S = L L', and L y = d on the way: d' S^-1 d = |y|^2.
  std::vector<double> l(n * n);
  std::vector<double> y(n);
  constexpr double kTied = 1e-9;  // Of a count's variance, what rounding may leave when others explain it all.
  double chi_squared = 0;
  int degrees = 0;
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = a.mean(i) - b.mean(i);
    for (std::size_t j = 0; j <= i; ++j) {
      const double own = a.covariance(i, j) / a.units() + b.covariance(i, j) / b.units();
      double s = own;
      for (std::size_t k = 0; k < j; ++k) s -= l[i * n + k] * l[j * n + k];
      if (j == i) {
        l[i * n + i] = s > kTied * own ? std::sqrt(s) : 0;
      } else {
        l[i * n + j] = l[j * n + j] > 0 ? s / l[j * n + j] : 0;
      }
    }
    for (std::size_t k = 0; k < i; ++k) y[i] -= l[i * n + k] * y[k];
    if (l[i * n + i] > 0) {
      y[i] /= l[i * n + i];
      chi_squared += y[i] * y[i];
      ++degrees;
    } else if (std::abs(y[i]) > kTied * (1 + std::abs(a.mean(i)))) {
      return 0;
    } else {
      y[i] = 0;
    }
  }
  return degrees == 0 ? 1 : chi_squared_tail(chi_squared, degrees);
}

namespace {

TEST_CASE("the tail of chi-squared is the table's", "[oracle]") {
  // Any table of its critical values; for two degrees of freedom it is exp(-x / 2).
  CHECK(chi_squared_tail(3.841458821, 1) == Approx(0.05).epsilon(1e-8));
  CHECK(chi_squared_tail(10.82756617, 1) == Approx(0.001).epsilon(1e-8));
  CHECK(chi_squared_tail(18.30703805, 10) == Approx(0.05).epsilon(1e-8));
  CHECK(chi_squared_tail(3.940299136, 10) == Approx(0.95).epsilon(1e-8));
  CHECK(chi_squared_tail(135.8067232, 100) == Approx(0.01).epsilon(1e-6));
  for (const double x : {0.5, 7.0, 40.0}) CHECK(chi_squared_tail(x, 2) == Approx(std::exp(-x / 2)).epsilon(1e-10));
}

}  // namespace
}  // namespace moesim::test
