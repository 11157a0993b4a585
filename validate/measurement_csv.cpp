#include "validate/measurement_csv.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/csv_lines.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/text_file.hpp"
#include "validate/measurement_row.hpp"

namespace moesim {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : lines_(text, where) {}

  MeasurementSet parse() {
    read_header();
    while (lines_.next()) {
      lines_.split(fields_);
      if (fields_.size() != columns_.size()) {
        lines_.fail(fmt::format("{} fields", fields_.size()), fmt::format("{}, as in the header", columns_.size()));
      }
      set_.rows.push_back(row());
    }
    set_.about = lines_.about();
    return std::move(set_);
  }

 private:
  void read_header() {
    if (!lines_.next()) lines_.fail("no header", "a line of column names such as kernel,library,dtype,m,n,k,time_us");
    std::vector<std::string_view> fields;
    lines_.split(fields);
    const std::vector<std::string_view> known = measurement_columns();
    for (const std::string_view field : fields) {
      if (std::find(known.begin(), known.end(), field) == known.end()) {
        lines_.fail(fmt::format("column \"{}\"", shorten_text(field)),
                    "a column of measurement files" + did_you_mean(field, known));
      }
      if (std::find(columns_.begin(), columns_.end(), field) != columns_.end()) {
        lines_.fail(fmt::format("column \"{}\" twice", field), "each column once");
      }
      columns_.emplace_back(field);
    }
    for (const char* needed : {"kernel", "library", "time_us"}) {
      if (std::find(columns_.begin(), columns_.end(), needed) == columns_.end()) {
        lines_.fail("a header without \"" + std::string(needed) + "\"", "kernel, library and time_us");
      }
    }
  }

  Measurement row() const {
    RowFields row;
    for (std::size_t i = 0; i < columns_.size(); ++i) row.emplace(columns_[i], fields_[i]);
    try {
      return measurement_row(row);
    } catch (const BadRow& bad) {
      lines_.fail(bad.found, bad.expected);
    }
  }

  CsvLines lines_;
  std::vector<std::string> columns_;
  std::vector<std::string_view> fields_;
  MeasurementSet set_;
};

}  // namespace

MeasurementSet parse_measurements(std::string_view text, const std::string& where) {
  return Parser(text, where).parse();
}

MeasurementSet read_measurements(const std::string& path) {
  return parse_measurements(read_text_file(path), place_name(path));
}

std::string measurements_csv(const MeasurementSet& set) {
  std::vector<RowFields> rows;
  RowFields used;  // Columns that some row has, with any of its values.
  for (const Measurement& m : set.rows) {
    rows.push_back(measurement_fields(m));
    used.insert(rows.back().begin(), rows.back().end());
  }
  std::vector<std::string_view> columns;
  for (const std::string_view column : measurement_columns()) {
    const bool always = column == "kernel" || column == "library" || column == "time_us";
    if (always || used.find(column) != used.end()) columns.push_back(column);
  }
  std::string text;
  for (const auto& [key, value] : set.about) text += fmt::format("# {}: {}\n", key, value);
  text += fmt::format("{}\n", fmt::join(columns, ","));
  for (const RowFields& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto found = row.find(columns[i]);
      if (i > 0) text += ",";
      if (found != row.end()) text += found->second;
    }
    text += "\n";
  }
  return text;
}

}  // namespace moesim
