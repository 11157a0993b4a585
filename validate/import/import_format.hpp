#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "validate/import/import.hpp"
#include "validate/measurement_row.hpp"

namespace moesim {

// What a reader has found in a file so far.
class ImportedRows {
 public:
  explicit ImportedRows(const ImportOptions& options) : options_(options) {}

  // Takes a row over, or names its place with the reason why not. Columns that its kernel needs and that are blank get
  // the values of the options; the library is the option's if there is one. Other people's names of kernels, data
  // types and loads become ours.
  void add(const std::string& place, RowFields fields);
  void skip(const std::string& place, const std::string& reason);
  void set_about(const std::string& key, const std::string& value);  // Unless it is empty or no plain text.

  const ImportOptions& options() const { return options_; }
  // The option's value of a column, or "". Counts as used.
  std::string value_of(std::string_view column);
  const std::set<std::string, std::less<>>& used_values() const { return used_values_; }
  ImportResult& result() { return result_; }

 private:
  bool fill_blanks(const std::string& place, RowFields& fields);

  const ImportOptions& options_;
  ImportResult result_;
  std::set<std::string, std::less<>> used_values_;
};

// One form of files.
struct ImportFormat {
  std::string_view name;
  std::string_view what;
  bool (*recognizes)(std::string_view text);
  // Names lines as "where:17". InputError only where the text as a whole makes no sense.
  void (*read)(std::string_view text, const std::string& where, ImportedRows& rows);
};

extern const ImportFormat kProbeFormat;          // probe.cpp
extern const ImportFormat kTorchProfilerFormat;  // torch_profiler.cpp
extern const ImportFormat kNcclTestsFormat;      // nccl_tests.cpp
extern const ImportFormat kDeepEpFormat;         // deepep.cpp
extern const ImportFormat kCsvFormat;            // csv.cpp

}  // namespace moesim
