#include "validate/probes/host/statistics.hpp"

#include <cmath>
#include <numeric>

#include "sim/check.hpp"
#include "tests/catch.hpp"

using namespace moesim;
using namespace moesim::probe;

TEST_CASE("quantiles are linear between order statistics", "[probe]") {
  const std::vector<double> values{5, 1, 4, 2, 3};
  CHECK(quantile(values, 0) == 1);
  CHECK(quantile(values, 1) == 5);
  CHECK(quantile(values, 0.5) == 3);
  CHECK(quantile(values, 0.1) == Approx(1.4));  // 0.1 of the way of 4 steps from 1.
  CHECK(quantile(std::vector<double>{7}, 0.9) == 7);
  CHECK(quantile(std::vector<double>{1, 2}, 0.5) == 1.5);
  CHECK_THROWS_AS(quantile(std::vector<double>{}, 0.5), InternalError);
}

TEST_CASE("median, p10 and p90 of 0 to 100", "[probe]") {
  std::vector<double> values(101);
  std::iota(values.begin(), values.end(), 0.0);
  const Summary summary = summarize(values);
  CHECK(summary.median == 50);
  CHECK(summary.p10 == Approx(10));
  CHECK(summary.p90 == Approx(90));
}

TEST_CASE("the uncertainty of a median is half its 95 % interval between order statistics", "[probe]") {
  // n = 100: ranks 50 -+ 9.8, so index 40 and its mirror 59, of values 1000 + index: half of 19 over 1049.5.
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1000.0);
  CHECK(median_uncertainty(values) == Approx(9.5 / 1049.5));
  // n = 10: index 1 and 8.
  const std::vector<double> ten{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  CHECK(median_uncertainty(ten) == Approx(3.5 / 5.5));
  CHECK(std::isinf(median_uncertainty(std::vector<double>{1, 1, 1, 1, 1})));
  CHECK(std::isinf(median_uncertainty(std::vector<double>{})));
}

TEST_CASE("one outlier does not keep the median from being known", "[probe]") {
  std::vector<double> values(12, 100.0);
  values[3] = 1e6;
  CHECK(median_uncertainty(values) == 0);
}

TEST_CASE("sampling stops at the least number if quiet, at the most if not", "[probe]") {
  const StoppingRule rule{10, 50, 0.01};
  const std::vector<double> quiet(9, 100.0);
  CHECK(should_stop(rule, quiet, 9) == Stop::no);  // Quiet, but too few.
  CHECK(should_stop(rule, std::vector<double>(10, 100.0), 10) == Stop::spread);
  std::vector<double> noisy(30);
  for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] = i % 2 == 0 ? 100 : 110;
  CHECK(should_stop(rule, noisy, 30) == Stop::no);
  CHECK(should_stop(rule, noisy, 50) == Stop::samples);  // Those that were dropped count, too.
}

TEST_CASE("throttled samples are those far below the median clock of all", "[probe]") {
  const std::vector<double> samples{1, 2, 3, 4, 5, 6};
  // The median of the five that are known is 1600, 85 % of it 1360.
  const std::vector<double> clocks{1980, 1359, 1600, 0, 1361, 1700};
  CHECK(median_clock_mhz(clocks) == 1600);
  CHECK(unthrottled(samples, clocks, 0.85) == std::vector<double>{1, 3, 4, 5, 6});
  CHECK(unthrottled(samples, {}, 0.85) == samples);
  CHECK(unthrottled(samples, std::vector<double>(6, 0.0), 0.85) == samples);
  CHECK(median_clock_mhz({}) == 0);
  CHECK_THROWS_AS(unthrottled(samples, std::vector<double>{1}, 0.85), InternalError);
}
