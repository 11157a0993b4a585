#include "validate/probe_file.hpp"

#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "scenarios/json_reader.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 8> kStatuses{"measured",     "unsupported", "no_memory", "no_time",
                                                    "check_failed", "throttled",   "failed",    "interrupted"};
constexpr std::array<std::string_view, 1> kKinds{"moesim-probe"};
constexpr std::array<std::string_view, 2> kModes{"quick", "full"};
constexpr std::array<std::string_view, 3> kStates{"complete", "interrupted", "recovered"};
constexpr std::int64_t kMost = std::int64_t{1} << 62;
constexpr double kLongest = 1e12;

std::optional<double> optional_number(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.number(key, 0, kLongest);
}

ordered_json optional_json(const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(); }

ordered_json device_json(const ProbeDevice& device) {
  ordered_json out{{"name", device.name},
                   {"compute_capability", device.compute_capability},
                   {"count", device.count},
                   {"sms", device.sms},
                   {"memory_bytes", device.memory_bytes},
                   {"l2_bytes", device.l2_bytes},
                   {"max_clock_mhz", device.max_clock_mhz}};
  out["highest_clock_mhz"] = optional_json(device.highest_clock_mhz);
  out["lowest_clock_mhz"] = optional_json(device.lowest_clock_mhz);
  out["empty_launch_us"] = optional_json(device.empty_launch_us);
  out["versions"] = device.versions;
  return out;
}

ProbeDevice read_device(JsonReader reader) {
  ProbeDevice device;
  device.name = reader.string("name");
  device.compute_capability = reader.string("compute_capability");
  device.count = reader.integer("count", 0, kMost);
  device.sms = reader.integer("sms", 0, kMost);
  device.memory_bytes = reader.integer("memory_bytes", 0, kMost);
  device.l2_bytes = reader.integer("l2_bytes", 0, kMost);
  device.max_clock_mhz = reader.number("max_clock_mhz", 0, kLongest);
  device.highest_clock_mhz = optional_number(reader, "highest_clock_mhz");
  device.lowest_clock_mhz = optional_number(reader, "lowest_clock_mhz");
  device.empty_launch_us = optional_number(reader, "empty_launch_us");
  JsonReader versions = reader.object("versions");
  for (const auto& item : versions.value().items()) device.versions[item.key()] = versions.string(item.key());
  reader.finish();
  return device;
}

Measurement read_measurement(JsonReader& reader) {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names;
    for (const MeasuredKernelInfo& kernel : measured_kernels()) names.push_back(kernel.name);
    return names;
  }();
  Measurement row;
  row.kernel = measured_kernels()[reader.choice("kernel", kNames)].kernel;
  row.library = reader.string("library");
  row.dtype = reader.string_or("dtype", "");
  JsonReader parameters = reader.object("parameters");
  for (const std::string_view parameter : info(row.kernel).parameters) {
    row.parameters.emplace(parameter, parameters.integer(parameter, 0, kMost));
  }
  parameters.finish();
  row.load = reader.string_or("load", "");
  constexpr std::array<std::string_view, 2> kCaches{"cold", "hot"};
  row.cache = kCaches[reader.choice("cache", kCaches)];
  return row;
}

}  // namespace

std::string_view name(ProbeStatus status) { return kStatuses[static_cast<std::size_t>(status)]; }

ordered_json probe_point_json(const ProbePoint& point) {
  const Measurement& row = point.measurement;
  ordered_json out{{"kernel", info(row.kernel).name}, {"library", row.library}};
  if (!row.dtype.empty()) out["dtype"] = row.dtype;
  if (!point.model.empty()) out["model"] = point.model;
  ordered_json parameters = ordered_json::object();
  for (const std::string_view parameter : info(row.kernel).parameters) {
    parameters[std::string(parameter)] = row.parameter(parameter);
  }
  out["parameters"] = std::move(parameters);
  if (!row.load.empty()) out["load"] = row.load;
  out["cache"] = row.cache;
  out["status"] = name(point.status);
  if (!point.reason.empty()) out["reason"] = point.reason;
  if (point.status == ProbeStatus::measured) {
    out["median_us"] = row.time_us;
    out["p10_us"] = optional_json(row.p10_us);
    out["p90_us"] = optional_json(row.p90_us);
  }
  if (point.check) {
    // NaN has no form in JSON: null is an error that is no number.
    out["check"] = {{"error", point.check->error}, {"tolerance", point.check->tolerance}};
  }
  if (!point.samples_us.empty()) {
    out["stopped"] = point.stopped;
    out["launches_per_sample"] = point.launches_per_sample;
    out["dropped_throttled"] = point.dropped_throttled;
    out["samples_us"] = point.samples_us;
    out["clocks_mhz"] = point.clocks_mhz;
  }
  if (!point.observed.empty()) out["observed"] = point.observed;
  return out;
}

ordered_json probe_header_json(const ProbeFile& file) {
  return {
      {"schema", 1},       {"kind", kKinds.front()}, {"version", file.version}, {"command_line", file.command_line},
      {"seed", file.seed}, {"mode", file.mode},      {"state", file.state},     {"device", device_json(file.device)}};
}

std::string probe_file_json(const ProbeFile& file) {
  std::string text = "{\n";
  const ordered_json header = probe_header_json(file);
  for (const auto& item : header.items()) {
    text += "\"" + item.key() + "\": " + item.value().dump() + ",\n";
  }
  text += "\"points\": [";
  for (std::size_t i = 0; i < file.points.size(); ++i) {
    text += (i == 0 ? "\n" : ",\n") + probe_point_json(file.points[i]).dump();
  }
  return text + "\n]\n}\n";
}

ProbePoint parse_probe_point(const json& value, const std::string& where, const std::string& pointer) {
  JsonReader reader(value, where, pointer);
  ProbePoint point;
  point.measurement = read_measurement(reader);
  point.model = reader.string_or("model", "");
  point.status = static_cast<ProbeStatus>(reader.choice("status", kStatuses));
  point.reason = reader.string_or("reason", "");
  if (point.status == ProbeStatus::measured) {
    point.measurement.time_us = reader.number("median_us", 1e-6, kLongest);
    point.measurement.p10_us = optional_number(reader, "p10_us");
    point.measurement.p90_us = optional_number(reader, "p90_us");
  }
  if (reader.has("check")) {
    JsonReader check = reader.object("check");
    const std::optional<double> error = optional_number(check, "error");
    if (!error) check.raw("error");
    point.check =
        ProbeCheck{error.value_or(std::numeric_limits<double>::quiet_NaN()), check.number("tolerance", 0, kLongest)};
    check.finish();
    if (point.status == ProbeStatus::measured && !point.check->passed()) {
      reader.fail("check", "an error above its tolerance", "a check that passed, since the status is measured");
    }
  }
  if (reader.has("samples_us")) {
    point.stopped = reader.string("stopped");
    point.launches_per_sample = reader.integer("launches_per_sample", 1, kMost);
    point.dropped_throttled = reader.integer("dropped_throttled", 0, kMost);
    point.samples_us = reader.numbers("samples_us", 0, kLongest);
    point.clocks_mhz = reader.numbers("clocks_mhz", 0, kLongest);
    if (!point.clocks_mhz.empty() && point.clocks_mhz.size() != point.samples_us.size()) {
      reader.fail("clocks_mhz", std::to_string(point.clocks_mhz.size()) + " numbers", "one for each of samples_us");
    }
  } else if (point.status == ProbeStatus::measured) {
    reader.fail("samples_us", "nothing", "the samples of a measured point");
  }
  if (reader.has("observed")) {
    JsonReader observed = reader.object("observed");
    for (const auto& item : observed.value().items()) {
      point.observed[item.key()] = observed.number(item.key(), -kLongest, kLongest);
    }
  }
  reader.finish();
  return point;
}

namespace {

ProbeFile read_header(JsonReader& reader) {
  ProbeFile file;
  reader.integer("schema", 1, 1);
  reader.choice("kind", kKinds);
  file.version = reader.string("version");
  file.command_line = reader.strings("command_line");
  file.seed = reader.integer("seed", 0, kMost);
  file.mode = kModes[reader.choice("mode", kModes)];
  file.state = kStates[reader.choice("state", kStates)];
  file.device = read_device(reader.object("device"));
  return file;
}

}  // namespace

ProbeFile parse_probe_header(const json& value, const std::string& where) {
  JsonReader reader(value, where);
  ProbeFile file = read_header(reader);
  reader.finish();
  return file;
}

ProbeFile parse_probe_file(std::string_view text, const std::string& where) {
  const json root = parse_json(text, where);
  JsonReader reader(root, where);
  ProbeFile file = read_header(reader);
  for (const JsonReader& point : reader.objects("points")) {
    file.points.push_back(parse_probe_point(point.value(), where, point.pointer()));
  }
  reader.finish();
  return file;
}

MeasurementSet measurements(const ProbeFile& file) {
  MeasurementSet set;
  set.about = {{"device", file.device.name}, {"source", "moesim-probe " + file.version + ", " + file.mode}};
  for (const auto& [key, value] : file.device.versions) set.about["version " + key] = value;
  for (const ProbePoint& point : file.points) {
    if (point.status == ProbeStatus::measured) set.rows.push_back(point.measurement);
  }
  return set;
}

}  // namespace moesim
