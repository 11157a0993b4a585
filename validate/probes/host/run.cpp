#include "validate/probes/host/run.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <utility>

#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

ProbePoint blank(const PlannedPoint& planned, const std::string& cache, ProbeStatus status, std::string reason) {
  ProbePoint point;
  point.measurement = planned.what;
  point.measurement.cache = cache;
  point.model = planned.model;
  point.status = status;
  point.reason = std::move(reason);
  return point;
}

// To a tenth of a nanosecond, far below what a timer tells, so that files hold short numbers.
double rounded_us(double us) { return std::round(us * 1e4) / 1e4; }

// Sets what follows from the samples.
void set_statistics(ProbePoint& point, const RunRules& rules) {
  const std::vector<double> kept = unthrottled(point.samples_us, point.clocks_mhz, rules.throttled_below);
  point.dropped_throttled = static_cast<std::int64_t>(point.samples_us.size() - kept.size());
  point.status = ProbeStatus::measured;
  point.reason.clear();
  const Summary summary = summarize(kept);
  point.measurement.time_us = rounded_us(summary.median);
  point.measurement.p10_us = rounded_us(summary.p10);
  point.measurement.p90_us = rounded_us(summary.p90);
}

class Run {
 public:
  Run(Bench& bench, double deadline_s, const RunRules& rules, const RunHooks& hooks)
      : bench_(bench), deadline_s_(deadline_s), rules_(rules), hooks_(hooks) {}

  std::vector<ProbePoint> all(std::span<const PlannedPoint> plan, std::uint64_t seed) {
    for (const PlannedPoint& planned : plan) to_come_ += planned.caches.size();
    all_ = to_come_;
    for (std::size_t i = 0; i < plan.size(); ++i) one(plan[i], tensor_seed(seed, i));
    return std::move(points_);
  }

 private:
  void finish(ProbePoint point) {
    --to_come_;
    points_.push_back(std::move(point));
    try {
      hooks_.record(points_.back(), points_.size(), all_);
    } catch (const std::exception& error) {
      if (!record_failed_) hooks_.record_failed(error.what());
      record_failed_ = true;
    }
  }

  void skip(const PlannedPoint& planned, std::size_t from, ProbeStatus status, const std::string& reason,
            std::optional<ProbeCheck> check = std::nullopt) {
    for (std::size_t i = from; i < planned.caches.size(); ++i) {
      ProbePoint point = blank(planned, planned.caches[i], status, reason);
      point.check = check;
      finish(std::move(point));
    }
  }

  void one(const PlannedPoint& planned, std::uint64_t seed) {
    if (hooks_.interrupted()) return skip(planned, 0, ProbeStatus::interrupted, "the run was interrupted before");
    if (!lost_.empty()) return skip(planned, 0, ProbeStatus::failed, "the device was lost before: " + lost_);
    if (bench_.now_s() >= deadline_s_) {
      return skip(planned, 0, ProbeStatus::no_time, "the time of the run was spent before");
    }
    std::size_t done = 0;  // States of the cache.
    try {
      const std::unique_ptr<Work> work = bench_.prepare(planned, seed);
      const ProbeCheck check = work->check();
      if (!check.passed()) {
        return skip(planned, 0, ProbeStatus::check_failed, "the output differs from the float64 reference", check);
      }
      for (; done < planned.caches.size(); ++done) {
        if (hooks_.interrupted()) {
          return skip(planned, done, ProbeStatus::interrupted, "the run was interrupted before");
        }
        ProbePoint point = blank(planned, planned.caches[done], ProbeStatus::measured, "");
        point.check = check;
        time(*work, point);
        point.observed.merge(work->observed());
        finish(std::move(point));
      }
    } catch (const Unsupported& reason) {
      skip(planned, done, ProbeStatus::unsupported, reason.what());
    } catch (const OutOfMemory& reason) {
      skip(planned, done, ProbeStatus::no_memory, reason.what());
    } catch (const DeviceLost& reason) {
      lost_ = reason.what();
      skip(planned, done, ProbeStatus::failed, lost_);
    } catch (const std::exception& error) {
      skip(planned, done, ProbeStatus::failed, error.what());
    }
  }

  // How long this point may be sampled: its share of what is left, so that points that finish early leave their time
  // to the rest.
  double share_s() {
    const double left = std::max(0.0, deadline_s_ - bench_.now_s());
    return std::clamp(left / static_cast<double>(std::max<std::size_t>(to_come_, 1)), rules_.shortest_point_s,
                      rules_.longest_point_s);
  }

  void take(const std::vector<Sample>& samples, ProbePoint& point) {
    for (const Sample& sample : samples) {
      point.samples_us.push_back(rounded_us(sample.us));
      point.clocks_mhz.push_back(std::round(sample.clock_mhz));
      if (sample.host_bound) point.observed["host_bound_samples"] += 1;
    }
  }

  void time(Work& work, ProbePoint& point) {
    const double until_s = bench_.now_s() + share_s();
    const std::string& cache = point.measurement.cache;
    double about_us = 0;  // What the slowest warm-up leaves out: the fastest is nearest to the kernel's own time.
    for (const Sample& sample : work.sample(cache, rules_.warm_ups, 1)) {
      about_us = about_us == 0 ? sample.us : std::min(about_us, sample.us);
    }
    int launches = 1;
    if (cache == "hot" && about_us > 0) {
      launches = static_cast<int>(
          std::clamp(std::ceil(rules_.hot_sample_us / about_us), 1.0, static_cast<double>(rules_.most_launches)));
    }
    point.launches_per_sample = launches;
    while (point.stopped.empty()) {
      const std::size_t left = static_cast<std::size_t>(rules_.stopping.max_samples) - point.samples_us.size();
      take(work.sample(cache, static_cast<int>(std::min(left, static_cast<std::size_t>(rules_.batch))), launches),
           point);
      const std::vector<double> kept = unthrottled(point.samples_us, point.clocks_mhz, rules_.throttled_below);
      const Stop stop = should_stop(rules_.stopping, kept, point.samples_us.size());
      if (stop == Stop::spread) point.stopped = "spread";
      if (stop == Stop::samples) point.stopped = "samples";
      if (stop != Stop::no) break;
      if (bench_.now_s() >= until_s) point.stopped = "time";
      if (hooks_.interrupted()) point.stopped = "interrupt";
    }
    set_statistics(point, rules_);
  }

  Bench& bench_;
  double deadline_s_;
  const RunRules& rules_;
  const RunHooks& hooks_;
  std::vector<ProbePoint> points_;
  std::size_t to_come_ = 0;  // Points in a state of the cache whose fate is open.
  std::size_t all_ = 0;
  bool record_failed_ = false;
  std::string lost_;
};

}  // namespace

std::vector<ProbePoint> run_plan(std::span<const PlannedPoint> plan, Bench& bench, std::uint64_t seed, double start_s,
                                 const RunRules& rules, const RunHooks& hooks) {
  return Run(bench, start_s + rules.budget_s, rules, hooks).all(plan, seed);
}

void settle(ProbeFile& file, const RunRules& rules) {
  double highest = 0;
  double lowest = 0;
  for (const ProbePoint& point : file.points) {
    for (const double clock : point.clocks_mhz) {
      highest = std::max(highest, clock);
      if (clock > 0) lowest = lowest == 0 ? clock : std::min(lowest, clock);
    }
  }
  if (highest > 0) {
    file.device.highest_clock_mhz = highest;
    file.device.lowest_clock_mhz = lowest;
  }
  for (ProbePoint& point : file.points) {
    if (point.samples_us.empty()) continue;
    set_statistics(point, rules);
    const double clock = median_clock_mhz(point.clocks_mhz);
    point.observed.erase("share_of_highest_clock");
    if (clock > 0 && clock < rules.throttled_below * highest) {
      point.observed["share_of_highest_clock"] = std::round(1e3 * clock / highest) / 1e3;
    }
  }
}

}  // namespace moesim::probe
