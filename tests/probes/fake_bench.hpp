#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "validate/probes/host/bench.hpp"

namespace moesim::probe {

// A bench whose time is a clockwork: setting up, checking and sampling take what is set here, and samples are numbers
// of (seed, count). Nothing sleeps.
class FakeBench final : public Bench {
 public:
  double setup_s = 0.1;
  double sample_us = 100;
  double jitter = 0.001;    // Relative half width of the samples.
  double clock_mhz = 1980;  // 0: not known.
  bool host_bound = false;
  double overhead_s = 1e-4;  // Of a sample, beside the launches.
  // Called for each point that is prepared; may throw, and sets what is above.
  std::function<void(const PlannedPoint&)> on_prepare = [](const PlannedPoint&) {};
  std::function<void(std::int64_t)> on_sample = [](std::int64_t) {};  // With how many samples there were before.
  std::function<ProbeCheck(const PlannedPoint&)> check = [](const PlannedPoint&) { return ProbeCheck{1e-3, 5e-3}; };

  std::unique_ptr<Work> prepare(const PlannedPoint& point, std::uint64_t seed) override;
  double now_s() override { return time_s; }

  double time_s = 1000;  // Not 0: nothing may count from there.
  std::int64_t samples = 0;
  std::int64_t prepared = 0;
};

// A file as moesim-probe makes it, with an invented device, before the points.
ProbeFile fake_header();

}  // namespace moesim::probe
