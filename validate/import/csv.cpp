#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/csv_lines.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "validate/import/import_format.hpp"
#include "validate/import/text_scan.hpp"

namespace moesim {
namespace {

// Fields between commas; one in double quotes may have commas, and "" for a quote.
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && line.substr(i + 1, 1) == "\"") {
      fields.back() += line[i++];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  for (std::string& field : fields) field = trimmed(field);
  return fields;
}

bool is_text(std::string_view column) {
  constexpr std::string_view kText[] = {"kernel", "library", "dtype", "kv_dtype", "load", "cache", "suspect"};
  return std::find(std::begin(kText), std::end(kText), column) != std::end(kText);
}

bool is_time(std::string_view column) { return column == "time_us" || column == "p10_us" || column == "p90_us"; }

double us_per(const std::string& unit) { return unit == "s" ? 1e6 : unit == "ms" ? 1e3 : 1; }

class Reader {
 public:
  Reader(std::string_view text, const std::string& where, ImportedRows& rows) : lines_(text, where), rows_(rows) {}

  void read() {
    if (!lines_.next()) throw InputError(lines_.place() + ": found no header, expected a line of column names");
    read_header(split(lines_.line()));
    while (lines_.next()) {
      const std::vector<std::string> fields = split(lines_.line());
      if (fields.size() != width_) {
        rows_.skip(lines_.place(), fmt::format("{} fields, and the header has {}", fields.size(), width_));
        continue;
      }
      RowFields row;
      for (const auto& [column, index] : columns_) row[column] = converted(column, fields[index]);
      rows_.add(lines_.place(), std::move(row));
    }
    for (const auto& [key, value] : lines_.about()) rows_.set_about(key, value);
  }

 private:
  void read_header(const std::vector<std::string>& names) {
    width_ = names.size();
    const auto find = [&](std::string_view name) {
      return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    for (const auto& [column, theirs] : rows_.options().columns) {
      const std::size_t index = find(theirs);
      if (index == names.size()) {
        const std::vector<std::string_view> known(names.begin(), names.end());
        throw InputError(fmt::format("{}: found no column \"{}\", expected one for --map {}{}", lines_.place(),
                                     shorten_text(theirs), column, did_you_mean(theirs, known)));
      }
      columns_[column] = index;
    }
    for (const std::string_view column : measurement_columns()) {
      if (columns_.find(column) == columns_.end() && find(column) < width_) columns_.emplace(column, find(column));
    }
    const bool has_library = !rows_.options().library.empty() || !rows_.value_of("library").empty();
    require("time_us", false, "", names);
    require("kernel", !rows_.value_of("kernel").empty(), ", or --set kernel=NAME", names);
    require("library", has_library, ", or --library NAME", names);
    std::vector<std::string> unused;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool used =
          std::any_of(columns_.begin(), columns_.end(), [&](const auto& each) { return each.second == i; });
      if (!used) unused.push_back(names[i]);
    }
    if (!unused.empty()) {
      rows_.skip(lines_.place(),
                 "columns that are not read: " + shorten_text(fmt::format("{}", fmt::join(unused, ", "))));
    }
  }

  void require(std::string_view column, bool is_given, std::string_view other_way,
               const std::vector<std::string>& names) const {
    if (is_given || columns_.find(column) != columns_.end()) return;
    throw InputError(fmt::format("{}: found the columns {}, expected \"{}\", or --map {}=COLUMN{}", lines_.place(),
                                 shorten_text(fmt::format("{}", fmt::join(names, ", "))), column, column, other_way));
  }

  // Times to microseconds; "4096.0" of other programs to an integer.
  std::string converted(std::string_view column, const std::string& field) const {
    const auto number = is_text(column) ? std::nullopt : parse_number<double>(field);
    if (!number || !std::isfinite(*number)) return field;
    if (is_time(column)) {
      const double factor = us_per(rows_.options().unit);
      return factor == 1 ? field : fmt::format("{:.12g}", *number * factor);
    }
    const bool whole =
        field.find_first_of(".eE") != std::string::npos && std::abs(*number) < 1e15 && *number == std::floor(*number);
    return whole ? fmt::format("{}", static_cast<std::int64_t>(*number)) : field;
  }

  CsvLines lines_;
  ImportedRows& rows_;
  std::size_t width_ = 0;
  std::map<std::string, std::size_t, std::less<>> columns_;  // Ours, and where theirs stands.
};

bool looks_like_csv(std::string_view text) {
  CsvLines lines(text, "");
  return text.find('\0') == std::string_view::npos && lines.next() && lines.line().find(',') != std::string_view::npos;
}

void read_csv(std::string_view text, const std::string& where, ImportedRows& rows) { Reader(text, where, rows).read(); }

}  // namespace

const ImportFormat kCsvFormat = {"csv", "a table of timings: measurement columns, or others through --map and --set",
                                 looks_like_csv, read_csv};

}  // namespace moesim
