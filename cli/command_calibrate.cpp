#include <cstdio>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "validate/measurement_csv.hpp"

namespace moesim {
namespace {

// "12 measurements: all_reduce 5, all_to_all 7"
std::string summary(const MeasurementSet& set) {
  std::map<MeasuredKernel, std::size_t> counts;
  for (const Measurement& m : set.rows) ++counts[m.kernel];
  std::vector<std::string> parts;
  for (const auto& [kernel, count] : counts) parts.push_back(fmt::format("{} {}", info(kernel).name, count));
  return fmt::format("{} measurements: {}\n", set.rows.size(), fmt::join(parts, ", "));
}

}  // namespace

void calibrate_import_command(const CalibrateImportArguments& arguments) {
  const ImportResult imported = import_measurements(arguments.files, arguments.options);
  const std::vector<std::string> skipped = skipped_lines(imported.skipped);
  write_document(arguments.output, measurements_csv(imported.set), arguments.files);
  if (arguments.quiet) return;
  for (const std::string& line : skipped) {
    const std::string text = "moesim: " + line + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  if (arguments.output != "-") print(summary(imported.set));
}

}  // namespace moesim
