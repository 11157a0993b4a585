#include "validate/robust_fit.hpp"

#include <cmath>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

// time = overhead + max(flops / rate, bytes / bandwidth): the kind of model that is fitted here, kink included.
struct Kernel {
  double flops;
  double bytes;
};

double time_us(const Kernel& kernel, double overhead_us, double rate, double bandwidth) {
  return overhead_us + std::max(kernel.flops / rate, kernel.bytes / bandwidth);
}

std::vector<Kernel> kernels(Rng& rng, int count) {
  std::vector<Kernel> result;
  for (int i = 0; i < count; ++i) {
    result.push_back({std::exp(std::log(1e3) + 10 * rng.uniform()), std::exp(std::log(1e2) + 9 * rng.uniform())});
  }
  return result;
}

const std::vector<FitParameter> kParameters = {
    {"overhead_us", 1, 0.01, 100}, {"rate", 100, 1, 1e5}, {"bandwidth", 100, 1, 1e5}};

Predict predict(const std::vector<Kernel>& rows) {
  return [&rows](std::span<const double> c, std::span<double> us) {
    for (std::size_t i = 0; i < rows.size(); ++i) us[i] = time_us(rows[i], c[0], c[1], c[2]);
  };
}

TEST_CASE("constants that made the rows are found again", "[oracle][fit]") {
  Rng rng(7, 0);
  const std::vector<Kernel> rows = kernels(rng, 300);
  std::vector<double> measured;
  for (const Kernel& row : rows) measured.push_back(time_us(row, 4.5, 900, 33));
  const FitSolution fit = robust_log_fit(kParameters, measured, predict(rows));
  CHECK_THAT(fit.constants[0], WithinRel(4.5, 1e-3));
  CHECK_THAT(fit.constants[1], WithinRel(900, 1e-3));
  CHECK_THAT(fit.constants[2], WithinRel(33, 1e-3));
  CHECK(fit.cost < 1e-6);
}

TEST_CASE("a tenth of the rows off by a factor of three moves no constant by more than 5 %", "[property][fit]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 0);
    const std::vector<Kernel> rows = kernels(rng, 300);
    std::vector<double> measured;
    for (const Kernel& row : rows) {
      const bool outlier = rng.uniform() < 0.1;
      measured.push_back(time_us(row, 4.5, 900, 33) * (outlier ? 3 : std::exp(0.02 * rng.normal())));
    }
    const FitSolution fit = robust_log_fit(kParameters, measured, predict(rows));
    CHECK_THAT(fit.constants[0], WithinRel(4.5, 0.05));
    CHECK_THAT(fit.constants[1], WithinRel(900, 0.05));
    CHECK_THAT(fit.constants[2], WithinRel(33, 0.05));
  }
}

TEST_CASE("a constant stays in its range, at the end where the rows push it", "[fit]") {
  const std::vector<double> measured(10, 5.0);
  const std::vector<FitParameter> parameters = {{"us", 1, 0, 2}};
  const FitSolution fit = robust_log_fit(parameters, measured, [](std::span<const double> c, std::span<double> us) {
    for (double& each : us) each = 0.5 + c[0];
  });
  CHECK(fit.constants[0] == 2);
}

TEST_CASE("equal rows give equal constants, bit by bit", "[property][fit]") {
  Rng rng(3, 0);
  const std::vector<Kernel> rows = kernels(rng, 50);
  std::vector<double> measured;
  for (const Kernel& row : rows) measured.push_back(time_us(row, 2, 500, 70) * std::exp(0.1 * rng.normal()));
  const FitSolution once = robust_log_fit(kParameters, measured, predict(rows));
  const FitSolution again = robust_log_fit(kParameters, measured, predict(rows));
  CHECK(once.constants == again.constants);
}

}  // namespace
}  // namespace moesim
