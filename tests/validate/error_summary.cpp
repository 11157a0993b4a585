#include "validate/error_summary.hpp"

#include <string>

#include "tests/catch.hpp"

namespace moesim {
namespace {

TEST_CASE("errors of ten rows, by hand", "[oracle][error_summary]") {
  // Errors +10 %, -20 %, and eight exact ones: mean 3 %, median 0, the ninth of ten is 10 %.
  const std::vector<double> measured(10, 100);
  std::vector<double> predicted(10, 100);
  predicted[0] = 110;
  predicted[1] = 80;
  const ErrorSummary summary = error_summary(predicted, measured);
  CHECK(summary.rows == 10);
  CHECK_THAT(summary.mean_abs, WithinAbs(0.03, 1e-12));
  CHECK(summary.median_abs == 0);
  CHECK_THAT(summary.p90_abs, WithinAbs(0.1, 1e-12));
  CHECK_THAT(summary.bias, WithinAbs(-0.0127, 1e-4));  // (1.1 * 0.8)^(1/10) - 1
}

TEST_CASE("no rows, no errors", "[error_summary]") { CHECK(error_summary({}, {}).rows == 0); }

TEST_CASE("a split holds out the asked share", "[property][error_summary]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    int held = 0;
    for (int i = 0; i < 10000; ++i) held += is_held_out("n=" + std::to_string(i), seed, 0.3) ? 1 : 0;
    // 3,000 expected, standard deviation sqrt(10,000 * 0.3 * 0.7) = 46: five of them.
    CHECK(held > 2770);
    CHECK(held < 3230);
  }
  CHECK_FALSE(is_held_out("any", 1, 0));
  CHECK(is_held_out("any", 1, 1));
}

}  // namespace
}  // namespace moesim
