#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "validate/measurement.hpp"

namespace moesim {

// What became of a point that moesim-probe meant to time.
enum class ProbeStatus {
  measured,
  unsupported,   // By the device, its libraries, or this build.
  no_memory,     // Larger than the device.
  no_time,       // The run's time was spent before.
  check_failed,  // The kernel's output is not that of the float64 reference: not timed.
  throttled,     // No sample was left. Probes keep such points now, with a note; older files have it.
  failed,        // An error of the device or a library.
  interrupted,   // The run ended before.
};
std::string_view name(ProbeStatus status);

// ||output - reference|| / ||reference|| in float64 over what was compared. NaN never passes.
struct ProbeCheck {
  double error = 0;
  double tolerance = 0;
  bool passed() const { return error <= tolerance; }
};

struct ProbePoint {
  Measurement measurement;  // What was timed, and median, p10, p90 over the samples that were kept; time_us is 0 where
                            // nothing was measured.
  std::string model;        // Whose experts have this shape, or empty.
  ProbeStatus status = ProbeStatus::measured;
  std::string reason = "";  // Why it was not measured; empty if it was.
  std::optional<ProbeCheck> check = std::nullopt;
  std::vector<double> samples_us = {};          // All, in the order in which they were taken.
  std::vector<double> clocks_mhz = {};          // SM clock just before each sample; as long as samples_us, or empty.
  std::int64_t launches_per_sample = 1;         // A hot sample is the mean over this many launches in a row.
  std::int64_t dropped_throttled = 0;           // Samples that do not count in median, p10 and p90.
  std::string stopped = "";                     // Why no more samples were taken: spread, samples, time or interrupt.
  std::map<std::string, double> observed = {};  // What else was seen, unit last: "stream_gb_per_s".
};

struct ProbeDevice {
  std::string name;
  std::string compute_capability;  // "9.0"
  std::int64_t count = 1;          // Devices that the process sees.
  std::int64_t sms = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t l2_bytes = 0;
  double max_clock_mhz = 0;                                // By its own account.
  std::optional<double> highest_clock_mhz = std::nullopt;  // Seen in the samples.
  std::optional<double> lowest_clock_mhz = std::nullopt;
  std::optional<double> empty_launch_us = std::nullopt;  // What an empty kernel takes between two events.
  std::map<std::string, std::string> versions;  // driver, cuda_driver, cuda_runtime, cuda_toolkit, cublas, nccl
};

// What moesim-probe writes. docs/probes.md has the format.
struct ProbeFile {
  std::string version;  // Of moesim.
  std::vector<std::string> command_line;
  std::int64_t seed = 1;
  std::string mode;   // quick or full
  std::string state;  // complete, interrupted or recovered
  ProbeDevice device;
  std::vector<ProbePoint> points;
};

nlohmann::ordered_json probe_point_json(const ProbePoint& point);
nlohmann::ordered_json probe_header_json(const ProbeFile& file);  // All but the points.
std::string probe_file_json(const ProbeFile& file);               // A line for each point.

// Strict: what probe_file_json does not write is an InputError that names `where`.
ProbeFile parse_probe_file(std::string_view text, const std::string& where);
ProbePoint parse_probe_point(const nlohmann::json& value, const std::string& where, const std::string& pointer);
ProbeFile parse_probe_header(const nlohmann::json& value, const std::string& where);  // Without points.

// The measured points as measurements.
MeasurementSet measurements(const ProbeFile& file);

}  // namespace moesim
