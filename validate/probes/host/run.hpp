#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "validate/probe_file.hpp"
#include "validate/probes/host/bench.hpp"
#include "validate/probes/host/plan.hpp"
#include "validate/probes/host/statistics.hpp"

namespace moesim::probe {

struct RunRules {
  double budget_s = 45;            // Of the whole run, from `start_s` on.
  double shortest_point_s = 0.02;  // Sampling of one point in one state of the cache,
  double longest_point_s = 1.5;    // whatever the share of the time that is left.
  double throttled_below = 0.85;   // A sample: of its point's median clock. A point is noted: of the run's highest.
  double hot_sample_us = 200;      // A hot sample is as many launches as take about this long,
  int most_launches = 50;          // but no more.
  int warm_ups = 3;
  int batch = 5;  // Samples between two looks at the clock.
  StoppingRule stopping;
};

struct RunHooks {
  std::function<bool()> interrupted = [] { return false; };
  // Called for each point as soon as its fate is known, with how many are known and how many there will be.
  std::function<void(const ProbePoint&, std::size_t done, std::size_t all)> record = [](auto&&...) {};
  // Called with what the first call of `record` threw that threw. The run goes on.
  std::function<void(const std::string& error)> record_failed = [](const std::string&) {};
};

// Prepares, checks and times the points of a plan, in order, until the time is spent or the run is interrupted. Each
// point gets its share of the time that is left. One ProbePoint for each point and state of the cache, in order:
// points that were not timed say why. Throws nothing that comes from the bench or from `record`. `observed` of a point
// has "host_bound_samples" if the host was slower than the device in any.
std::vector<ProbePoint> run_plan(std::span<const PlannedPoint> plan, Bench& bench, std::uint64_t seed, double start_s,
                                 const RunRules& rules, const RunHooks& hooks);

// Drops samples that were throttled while their point was measured, and sets the statistics of points and the clocks of
// the device. A point whose median clock lies far below the run's highest stays (a power limit is what a large product
// gets everywhere); its `observed` has "share_of_highest_clock".
void settle(ProbeFile& file, const RunRules& rules);

}  // namespace moesim::probe
