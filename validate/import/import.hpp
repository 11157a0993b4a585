#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "validate/measurement.hpp"

namespace moesim {

// How files of other programs become measurements. Texts are those of the command line.
struct ImportOptions {
  std::string format;                          // A name of import_formats(); empty: by the content of each file.
  std::string library;                         // What ran the kernels, instead of what a file says.
  std::string device;                          // The device, instead of what a file says.
  std::map<std::string, std::string> columns;  // Our column -> theirs. CSV only.
  std::map<std::string, std::string> values;   // Of columns that a file leaves blank.
  std::string unit;                            // Of times: us, ms or s; empty: us. CSV only.
};

struct ImportFormatInfo {
  std::string_view name;
  std::string_view what;
};
std::vector<ImportFormatInfo> import_formats();

struct ImportResult {
  MeasurementSet set;
  std::vector<SkippedLine> skipped;  // What was left out, in the order of the files.
};

// Reads the files in their order; "-" is standard input. An InputError where an option fits no file, or nothing could
// be read at all.
ImportResult import_measurements(std::span<const std::string> paths, const ImportOptions& options);

// A list of what was left out for people: a line each, at most `most`, then how many more.
std::vector<std::string> skipped_lines(std::span<const SkippedLine> skipped, std::size_t most = 20);

}  // namespace moesim
