#include "validate/import/import.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/text_file.hpp"
#include "validate/import/import_format.hpp"

namespace moesim {
namespace {

// Traces are large; what a machine cannot hold is no file to import.
constexpr std::size_t kMaxBytes = std::size_t{4} << 30;

// In the order in which a text is tried: the last one takes nearly everything.
const ImportFormat* const kFormats[] = {&kProbeFormat, &kTorchProfilerFormat, &kNcclTestsFormat, &kDeepEpFormat,
                                        &kCsvFormat};

std::vector<std::string_view> format_names() {
  std::vector<std::string_view> names;
  for (const ImportFormat* format : kFormats) names.push_back(format->name);
  return names;
}

const ImportFormat& format_of(std::string_view text, const std::string& where, const ImportOptions& options) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    throw InputError(where, "", "nothing: the text is empty", "measurements");
  }
  if (text.substr(0, 2) == "\x1f\x8b") throw InputError(where, "", "a compressed file", "what gunzip makes of it");
  for (const ImportFormat* format : kFormats) {
    if (options.format.empty() ? format->recognizes(text) : format->name == options.format) return *format;
  }
  throw InputError(where, "", "a text of no known form",
                   fmt::format("{} (--format says which)", fmt::join(format_names(), ", ")));
}

void check_columns(const std::map<std::string, std::string>& given, const std::string& option,
                   const std::vector<std::string_view>& known) {
  for (const auto& [column, value] : given) {
    if (std::find(known.begin(), known.end(), column) == known.end()) {
      throw InputError(option, column, "no column of measurement files", "one" + did_you_mean(column, known));
    }
    if (value.empty()) throw InputError(option, column, "nothing behind the =", "a value");
  }
}

void check(const ImportOptions& options) {
  const std::vector<std::string_view> names = format_names();
  if (!options.format.empty() && std::find(names.begin(), names.end(), options.format) == names.end()) {
    throw InputError("--format", "NAME", "\"" + shorten_text(options.format) + "\"",
                     fmt::format("one of {}{}", fmt::join(names, ", "), did_you_mean(options.format, names)));
  }
  for (const auto& [option, text] :
       {std::pair<const char*, const std::string&>{"--library", options.library}, {"--device", options.device}}) {
    if (!is_plain_text(text)) throw InputError(option, "NAME", "\"" + shorten_text(text) + "\"", "plain text");
  }
  if (options.library.find(',') != std::string::npos) {
    throw InputError("--library", "NAME", "\"" + shorten_text(options.library) + "\"", "a name without commas");
  }
  if (!options.unit.empty() && options.unit != "us" && options.unit != "ms" && options.unit != "s") {
    throw InputError("--unit", "U", "\"" + shorten_text(options.unit) + "\"", "us, ms or s");
  }
  std::vector<std::string_view> columns = measurement_columns();
  check_columns(options.columns, "--map", columns);
  columns.resize(columns.size() - 3);  // Times are measured, not set.
  check_columns(options.values, "--set", columns);
}

// Two files may differ in all but the device.
void merge_about(std::map<std::string, std::string>& about, const std::map<std::string, std::string>& more,
                 const std::string& where) {
  for (const auto& [key, value] : more) {
    const auto [known, is_new] = about.emplace(key, value);
    if (is_new || known->second == value) continue;
    if (key == "device") {
      throw InputError(
          where, "", "device " + value,
          "as in the files before, " + known->second + " (one file of measurements for each; --device names it)");
    }
    if (known->second.find(value) == std::string::npos) known->second += "; " + value;
  }
}

std::string file_name(const std::string& path) {
  const std::string name = path == "-" ? place_name(path) : std::filesystem::path(path).filename().string();
  return is_plain_text(name) ? name : shorten_text(name);
}

}  // namespace

std::vector<ImportFormatInfo> import_formats() {
  std::vector<ImportFormatInfo> formats;
  for (const ImportFormat* format : kFormats) formats.push_back({format->name, format->what});
  return formats;
}

ImportResult import_measurements(std::span<const std::string> paths, const ImportOptions& options) {
  check(options);
  ImportResult result;
  std::set<std::string, std::less<>> used;
  bool any_csv = false;
  for (const std::string& path : paths) {
    const std::string where = place_name(path);
    const std::string text = read_text_file(path, kMaxBytes);
    const ImportFormat& format = format_of(text, where, options);
    any_csv = any_csv || &format == &kCsvFormat;
    ImportedRows rows(options);
    format.read(text, where, rows);
    if (!options.device.empty()) rows.set_about("device", options.device);
    ImportResult& one = rows.result();
    // A table that was imported before keeps where it came from.
    if (one.set.about.count("imported from") == 0) {
      rows.set_about("imported from", fmt::format("{} ({})", file_name(path), format.name));
    }
    if (one.set.rows.empty() && one.skipped.empty()) one.skipped.push_back({where, "no measurement"});
    merge_about(result.set.about, one.set.about, where);
    std::move(one.set.rows.begin(), one.set.rows.end(), std::back_inserter(result.set.rows));
    std::move(one.skipped.begin(), one.skipped.end(), std::back_inserter(result.skipped));
    used.insert(rows.used_values().begin(), rows.used_values().end());
  }
  if (!any_csv && !(options.columns.empty() && options.unit.empty())) {
    throw InputError(options.columns.empty() ? "--unit" : "--map", "", "no file that is a table",
                     "csv: the other forms say it themselves");
  }
  if (result.set.rows.empty()) {
    throw InputError(fmt::format("nothing could be read\n{}", fmt::join(skipped_lines(result.skipped), "\n")));
  }
  for (const auto& [column, value] : options.values) {
    if (used.count(column) == 0) throw InputError("--set", column, "no row whose kernel has it", "a column of one");
  }
  return result;
}

std::vector<std::string> skipped_lines(std::span<const SkippedLine> skipped, std::size_t most) {
  std::vector<std::string> lines;
  for (const SkippedLine& line : skipped.first(std::min(most, skipped.size()))) {
    const std::string place = is_plain_text(line.place) ? line.place : shorten_text(line.place);
    lines.push_back(fmt::format("{}: {}", place, is_plain_text(line.reason) ? line.reason : shorten_text(line.reason)));
  }
  if (skipped.size() > most) lines.push_back(fmt::format("and {} more", skipped.size() - most));
  return lines;
}

}  // namespace moesim
