// What a tolerance of the flow network saves and costs: CPU seconds, and how far finish times are off those of the
// exact run, flow by flow, relative to each flow's own age. Lognormal all-to-all on the cluster of
// tests/sim/traffic.hpp.
//
//   flow_tolerance RANKS [TOLERANCE ...]
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include "tests/sim/traffic.hpp"

namespace {

using namespace moesim;
using namespace moesim::test;

struct Timed {
  Outcome outcome;
  double cpu_s;
};

Timed run(const Traffic& traffic, double tolerance) {
  const std::clock_t before = std::clock();
  Timed timed{simulate(traffic, {.tolerance = tolerance}), 0};
  timed.cpu_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  return timed;
}

}  // namespace

int main(int argc, char** argv) {
  const int ranks = argc > 1 ? std::atoi(argv[1]) : 128;
  std::vector<double> tolerances{1e-4, 1e-3, 1e-2};
  if (argc > 2) tolerances.clear();
  for (int i = 2; i < argc; ++i) tolerances.push_back(std::atof(argv[i]));
  const auto bytes = lognormal_bytes(ranks);
  const Traffic traffic =
      cluster_all_to_all(ranks, [&](int from, int to) { return bytes[static_cast<std::size_t>(from * ranks + to)]; });
  const Timed exact = run(traffic, 0);
  fmt::print("{} ranks, {} flows\n", ranks, traffic.flows.size());
  fmt::print("{:>9} {:>9} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9}\n", "tolerance", "CPU s", "sharings", "makespan s",
             "off by", "mean", "p99", "max");
  fmt::print("{:>9} {:>9.3f} {:>9} {:>12.9f}\n", 0, exact.cpu_s, exact.outcome.sharings, exact.outcome.end.seconds());
  for (const double tolerance : tolerances) {
    const Timed near = run(traffic, tolerance);
    std::vector<double> errors;
    double sum = 0;
    for (std::size_t f = 0; f < traffic.flows.size(); ++f) {
      errors.push_back(std::abs(near.outcome.finish[f].seconds() / exact.outcome.finish[f].seconds() - 1));
      sum += errors.back();
    }
    std::ranges::sort(errors);
    fmt::print("{:>9} {:>9.3f} {:>9} {:>12.9f} {:>9.1e} {:>9.1e} {:>9.1e} {:>9.1e}\n", tolerance, near.cpu_s,
               near.outcome.sharings, near.outcome.end.seconds(),
               near.outcome.end.seconds() / exact.outcome.end.seconds() - 1, sum / static_cast<double>(errors.size()),
               errors[errors.size() * 99 / 100], errors.back());
  }
}
