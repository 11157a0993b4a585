#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "validate/probe_file.hpp"
#include "validate/probes/host/plan.hpp"

namespace moesim::probe {

// The device, its libraries or this build cannot do what was asked: a reason, not an error.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// The device does not answer any more (an illegal address): nothing after it can be trusted.
class DeviceLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Sample {
  double us = 0;            // For one launch.
  double clock_mhz = 0;     // SM clock just before; 0 where it is not known.
  bool host_bound = false;  // The host was still queueing launches when the device began: its time may be in `us`.
};

// One point, set up on a device.
class Work {
 public:
  virtual ~Work() = default;
  // Runs the kernel once on random inputs into poisoned outputs and compares with float64.
  virtual ProbeCheck check() = 0;
  // Takes `count` samples of `launches` launches each. "cold" flushes the L2 before each launch and takes launches = 1.
  virtual std::vector<Sample> sample(std::string_view cache, int count, int launches) = 0;
  virtual std::map<std::string, double> observed() const { return {}; }
};

// A device as the run sees it: tests put a clockwork in its place.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual std::unique_ptr<Work> prepare(const PlannedPoint& point, std::uint64_t seed) = 0;
  virtual double now_s() = 0;  // Since any fixed instant.
};

}  // namespace moesim::probe
