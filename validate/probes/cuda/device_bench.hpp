#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "validate/probe_file.hpp"
#include "validate/probes/host/bench.hpp"

namespace moesim::probe {

// How many devices there are; 0 where there is none, or no driver: `why` says so in words. Throws where there is one
// that cannot be used.
int device_count(std::string& why);

ProbeDevice describe_device(int ordinal);  // Without what only samples can tell.

// The bench that is a real device. `empty_launch_us` receives what an empty launch takes.
std::unique_ptr<Bench> make_device_bench(int ordinal, double& empty_launch_us);

}  // namespace moesim::probe
