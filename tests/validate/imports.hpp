#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/scenarios/temporary_folder.hpp"
#include "validate/import/import.hpp"

namespace moesim {

// A file beside these tests.
inline std::string data_file(const std::string& name) { return std::string(MOESIM_IMPORT_DATA "/") + name; }

inline ImportResult import_one(const std::string& path, const ImportOptions& options = {}) {
  return import_measurements(std::vector<std::string>{path}, options);
}

inline ImportResult import_text(const std::string& text, const ImportOptions& options = {},
                                const std::string& name = "a.txt") {
  const TemporaryFolder folder;
  return import_one(folder.write(name, text), options);
}

// Rows as "all_to_all ranks=4 bytes=4096: 12.84 us".
inline std::vector<std::string> rows_of(const ImportResult& result) {
  std::vector<std::string> rows;
  for (const Measurement& m : result.set.rows) {
    std::string time = std::to_string(m.time_us);
    time.erase(std::min(time.find_last_not_of('0') + 1, time.size()));
    rows.push_back(m.text() + ": " + time + " us");
  }
  return rows;
}

// What was left out, without folders: "nccl.txt:17: reason".
inline std::vector<std::string> left_out(const ImportResult& result) {
  std::vector<std::string> lines = skipped_lines(result.skipped, result.skipped.size());
  for (std::string& line : lines) line = line.substr(line.rfind('/', line.find(':')) + 1);
  return lines;
}

}  // namespace moesim
