#include "validate/measurement_csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/csv_lines.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/text_file.hpp"
#include "validate/load_shape.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kMostOfAParameter = std::int64_t{1} << 50;
constexpr double kMostUs = 1e12;
constexpr std::string_view kDataTypes[] = {"bf16", "fp16", "fp32", "tf32", "fp8", "fp8_block", "int8", "fp4"};
constexpr std::string_view kTextColumns[] = {"kernel", "library", "dtype", "kv_dtype", "load", "cache", "suspect"};
constexpr std::string_view kTimeColumns[] = {"time_us", "p10_us", "p90_us"};

std::vector<std::string_view> known_columns() {
  std::vector<std::string_view> names(std::begin(kTextColumns), std::end(kTextColumns));
  for (const MeasuredKernelInfo& kernel : measured_kernels()) {
    for (const std::string_view name : kernel.parameters) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  names.insert(names.end(), std::begin(kTimeColumns), std::end(kTimeColumns));
  return names;
}

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
    const std::vector<std::string_view> known = known_columns();
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

  std::string_view field(std::string_view name) const {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    return found == columns_.end() ? std::string_view() : fields_[static_cast<std::size_t>(found - columns_.begin())];
  }

  Measurement row() const {
    Measurement m;
    const std::string_view name = field("kernel");
    const auto kernel = measured_kernel(name);
    if (!kernel) {
      std::vector<std::string_view> names;
      for (const MeasuredKernelInfo& each : measured_kernels()) names.push_back(each.name);
      lines_.fail(fmt::format("kernel \"{}\"", shorten_text(name)),
                  "one of " + fmt::format("{}", fmt::join(names, ", ")));
    }
    m.kernel = *kernel;
    const MeasuredKernelInfo& about = info(*kernel);
    m.library = field("library");
    if (m.library.empty() || !is_plain_text(m.library)) lines_.fail("no library", "what ran the kernel, in plain text");
    m.dtype = data_type_of("dtype", about.has_dtype);
    m.kv_dtype = data_type_of("kv_dtype", about.has_kv_dtype);
    m.load = field("load");
    if (m.load.empty() == about.has_load || (about.has_load && !is_load_shape(m.load))) {
      lines_.fail(fmt::format("load \"{}\" of {}", shorten_text(m.load), about.name),
                  about.has_load ? std::string(kLoadShapes) : "none, since it has no groups");
    }
    m.cache = field("cache");
    if (!m.cache.empty() && m.cache != "cold" && m.cache != "hot") {
      lines_.fail(fmt::format("cache \"{}\"", shorten_text(m.cache)), "cold, hot or blank");
    }
    m.suspect = field("suspect");
    if (!is_plain_text(m.suspect)) lines_.fail("suspect \"" + shorten_text(m.suspect) + "\"", "plain text or a blank");
    read_parameters(about, m);
    m.time_us = time("time_us");
    if (!field("p10_us").empty()) m.p10_us = time("p10_us");
    if (!field("p90_us").empty()) m.p90_us = time("p90_us");
    return m;
  }

  void read_parameters(const MeasuredKernelInfo& about, Measurement& m) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& column = columns_[i];
      if (std::find(std::begin(kTextColumns), std::end(kTextColumns), column) != std::end(kTextColumns) ||
          std::find(std::begin(kTimeColumns), std::end(kTimeColumns), column) != std::end(kTimeColumns)) {
        continue;
      }
      const bool own = std::find(about.parameters.begin(), about.parameters.end(), column) != about.parameters.end();
      if (!own && fields_[i].empty()) continue;
      if (!own)
        lines_.fail(fmt::format("\"{}\" under {}", shorten_text(fields_[i]), column),
                    fmt::format("a blank: {} has no {}", about.name, column));
      m.parameters[column] = lines_.parse<std::int64_t>(fields_[i], column, 0, kMostOfAParameter);
    }
    for (const std::string_view needed : about.parameters) {
      if (m.parameters.find(needed) == m.parameters.end()) {
        lines_.fail(fmt::format("no column {}", needed), fmt::format("one, since {} needs it", about.name));
      }
    }
  }

  std::string data_type_of(std::string_view column, bool wanted) const {
    const std::string_view type = field(column);
    const bool known = std::find(std::begin(kDataTypes), std::end(kDataTypes), type) != std::end(kDataTypes);
    if (wanted ? !known : !type.empty()) {
      lines_.fail(fmt::format("{} \"{}\"", column, shorten_text(type)),
                  wanted ? fmt::format("one of {}", fmt::join(kDataTypes, ", ")) : "a blank");
    }
    return std::string(type);
  }

  double time(std::string_view column) const {
    const double us = lines_.parse<double>(field(column), column, 0, kMostUs);
    if (us <= 0) lines_.fail(fmt::format("{} 0", column), "a time above 0, in microseconds");
    return us;
  }

  CsvLines lines_;
  std::vector<std::string> columns_;
  std::vector<std::string_view> fields_;
  MeasurementSet set_;
};

std::string cell(const Measurement& m, std::string_view column) {
  if (column == "kernel") return std::string(info(m.kernel).name);
  if (column == "library") return m.library;
  if (column == "dtype") return m.dtype;
  if (column == "kv_dtype") return m.kv_dtype;
  if (column == "load") return m.load;
  if (column == "cache") return m.cache;
  if (column == "suspect") return m.suspect;
  if (column == "time_us") return fmt::format("{}", m.time_us);
  if (column == "p10_us") return m.p10_us ? fmt::format("{}", *m.p10_us) : "";
  if (column == "p90_us") return m.p90_us ? fmt::format("{}", *m.p90_us) : "";
  const auto found = m.parameters.find(column);
  return found == m.parameters.end() ? "" : fmt::format("{}", found->second);
}

}  // namespace

MeasurementSet parse_measurements(std::string_view text, const std::string& where) {
  return Parser(text, where).parse();
}

MeasurementSet read_measurements(const std::string& path) {
  return parse_measurements(read_text_file(path), place_name(path));
}

std::string measurements_csv(const MeasurementSet& set) {
  std::string text;
  for (const auto& [key, value] : set.about) text += fmt::format("# {}: {}\n", key, value);
  std::vector<std::string_view> columns;
  for (const std::string_view column : known_columns()) {
    const bool used =
        column == "kernel" || column == "library" || column == "time_us" ||
        std::any_of(set.rows.begin(), set.rows.end(), [&](const Measurement& m) { return !cell(m, column).empty(); });
    if (used) columns.push_back(column);
  }
  text += fmt::format("{}\n", fmt::join(columns, ","));
  for (const Measurement& m : set.rows) {
    std::vector<std::string> cells;
    for (const std::string_view column : columns) cells.push_back(cell(m, column));
    text += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return text;
}

}  // namespace moesim
