#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "validate/import/import_format.hpp"
#include "validate/probe_file.hpp"

namespace moesim {
namespace {

bool looks_like_probe(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' &&
         text.substr(0, 4096).find("\"moesim-probe\"") != std::string_view::npos;
}

double observed(const ProbePoint& point, const std::string& what) {
  const auto found = point.observed.find(what);
  return found == point.observed.end() ? 0 : found->second;
}

// As it was measured: with the rate that a stream beside the product reached, not the one that was asked for.
Measurement as_measured(const ProbePoint& point) {
  Measurement row = point.measurement;
  const auto asked = row.parameters.find("stream_gb_per_s");
  const double reached = observed(point, "stream_gb_per_s");
  if (asked != row.parameters.end() && asked->second > 0 && reached > 0) asked->second = std::llround(reached);
  return row;
}

void read_probe(std::string_view text, const std::string& where, ImportedRows& rows) {
  const ProbeFile file = parse_probe_file(text, where);
  const MeasurementSet measured = measurements(file);
  for (const auto& [key, value] : measured.about) rows.set_about(key, value);
  for (std::size_t i = 0; i < file.points.size(); ++i) {
    const ProbePoint& point = file.points[i];
    const std::string place = fmt::format("{}: /points/{}", where, i);
    if (point.status != ProbeStatus::measured) {
      rows.skip(place, fmt::format("{}: {}{}{}", point.measurement.text(), name(point.status),
                                   point.reason.empty() ? "" : ": ", point.reason));
      continue;
    }
    if (const double samples = observed(point, "host_bound_samples"); samples > 0) {
      rows.skip(place, fmt::format("{}: host_bound: the host was slower than the device in {} of {} samples",
                                   point.measurement.text(), samples, point.samples_us.size()));
      continue;
    }
    rows.add(place, measurement_fields(as_measured(point)));
  }
}

}  // namespace

const ImportFormat kProbeFormat = {"probe", "JSON of moesim-probe", looks_like_probe, read_probe};

}  // namespace moesim
