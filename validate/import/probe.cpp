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
    rows.add(place, measurement_fields(point.measurement));
  }
}

}  // namespace

const ImportFormat kProbeFormat = {"probe", "JSON of moesim-probe", looks_like_probe, read_probe};

}  // namespace moesim
