#include "validate/measurement_row.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/json_text.hpp"
#include "validate/load_shape.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kMostOfAParameter = std::int64_t{1} << 46;
constexpr std::int64_t kMostGroups = std::int64_t{1} << 16;  // Their rows are listed one by one.
constexpr std::string_view kGroupCounts[] = {"groups", "experts", "top_k"};
constexpr double kLeastUs = 1e-3;  // No kernel is over so soon.
constexpr double kMostUs = 1e12;
constexpr std::string_view kDataTypes[] = {"bf16", "fp16", "fp32", "tf32", "fp8", "fp8_block", "int8", "fp4"};
constexpr std::string_view kTextColumns[] = {"kernel", "library", "dtype", "kv_dtype", "load", "cache", "suspect"};
constexpr std::string_view kTimeColumns[] = {"time_us", "p10_us", "p90_us"};

template <class Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string_view field(const RowFields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

template <class Number>
Number number(std::string_view text, std::string_view what, Number min, Number max) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(value >= min && value <= max)) {
    throw BadRow("\"" + shorten_text(text) + "\"", fmt::format("{} from {} to {}", what, min, max));
  }
  return value;
}

MeasuredKernel kernel_of(const RowFields& fields) {
  const std::string_view name = field(fields, "kernel");
  if (const auto kernel = measured_kernel(name)) return *kernel;
  std::vector<std::string_view> names;
  for (const MeasuredKernelInfo& each : measured_kernels()) names.push_back(each.name);
  throw BadRow(fmt::format("kernel \"{}\"", shorten_text(name)), "one of " + fmt::format("{}", fmt::join(names, ", ")));
}

std::string library_of(const RowFields& fields) {
  const std::string_view library = field(fields, "library");
  if (library.empty()) throw BadRow("no library", "what ran the kernel, in plain text");
  const bool keeps_in_csv =
      library.find(',') == std::string_view::npos && library.front() != ' ' && library.back() != ' ';
  if (!is_plain_text(library) || !keeps_in_csv) {
    throw BadRow(fmt::format("library \"{}\"", shorten_text(library)), "plain text without commas");
  }
  return std::string(library);
}

std::string data_type_of(const RowFields& fields, std::string_view column, bool wanted) {
  const std::string_view type = field(fields, column);
  if (wanted ? !is_one_of(kDataTypes, type) : !type.empty()) {
    throw BadRow(fmt::format("{} \"{}\"", column, shorten_text(type)),
                 wanted ? fmt::format("one of {}", fmt::join(kDataTypes, ", ")) : "a blank");
  }
  return std::string(type);
}

std::string load_of(const RowFields& fields, const MeasuredKernelInfo& about) {
  const std::string_view load = field(fields, "load");
  if (about.has_load ? !is_load_shape(load) : !load.empty()) {
    throw BadRow(fmt::format("load \"{}\" of {}", shorten_text(load), about.name),
                 about.has_load ? std::string(kLoadShapes) : "none, since it has no groups");
  }
  return std::string(load);
}

void read_parameters(const RowFields& fields, const MeasuredKernelInfo& about, Measurement& m) {
  for (const auto& [column, value] : fields) {
    if (is_one_of(kTextColumns, column) || is_one_of(kTimeColumns, column)) continue;
    if (is_one_of(about.parameters, column)) {
      const std::int64_t most = is_one_of(kGroupCounts, column) ? kMostGroups : kMostOfAParameter;
      m.parameters[column] = number<std::int64_t>(value, column, 0, most);
    } else if (!value.empty()) {
      throw BadRow(fmt::format("\"{}\" under {}", shorten_text(value), column),
                   fmt::format("a blank: {} has no {}", about.name, column));
    }
  }
  for (const std::string_view needed : about.parameters) {
    if (m.parameters.find(needed) == m.parameters.end()) {
      throw BadRow(fmt::format("no column {}", needed), fmt::format("one, since {} needs it", about.name));
    }
  }
}

// A list of rows must be of as many groups and rows as the shape says.
void check_listed_rows(const Measurement& m) {
  if (m.load.substr(0, 5) != "rows:") return;
  const bool by_groups = m.kernel == MeasuredKernel::grouped_gemm || m.kernel == MeasuredKernel::contention;
  if (!by_groups && m.kernel == MeasuredKernel::moe) return;  // Whose experts are listed is the model's business.
  const std::int64_t groups = m.parameter(by_groups ? "groups" : "experts");
  const std::int64_t rows = by_groups ? m.parameter("rows") : m.parameter("tokens") * m.parameter("top_k");
  const auto listed = static_cast<std::int64_t>(1 + std::count(m.load.begin(), m.load.end(), ';'));
  if (listed != groups) {
    throw BadRow(fmt::format("a load of {} groups", listed), fmt::format("{}, as the row says", groups));
  }
  const std::vector<std::int64_t> counts = load_rows(m.load, rows, groups);
  const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (sum != rows) throw BadRow(fmt::format("a load of {} rows", sum), fmt::format("{}, as the row says", rows));
}

std::optional<double> time(const RowFields& fields, std::string_view column, bool needed) {
  const std::string_view text = field(fields, column);
  if (text.empty() && !needed) return std::nullopt;
  const double us = number<double>(text, column, 0, kMostUs);
  if (us < kLeastUs) throw BadRow(fmt::format("{} {}", column, us), "a time of 0.001 microseconds or more");
  return us;
}

}  // namespace

BadRow::BadRow(std::string what_was_found, std::string what_was_expected)
    : std::runtime_error("found " + what_was_found + ", expected " + what_was_expected),
      found(std::move(what_was_found)),
      expected(std::move(what_was_expected)) {}

std::vector<std::string_view> measurement_columns() {
  std::vector<std::string_view> names(std::begin(kTextColumns), std::end(kTextColumns));
  for (const MeasuredKernelInfo& kernel : measured_kernels()) {
    for (const std::string_view name : kernel.parameters) {
      if (!is_one_of(names, name)) names.push_back(name);
    }
  }
  names.insert(names.end(), std::begin(kTimeColumns), std::end(kTimeColumns));
  return names;
}

Measurement measurement_row(const RowFields& fields) {
  Measurement m;
  m.kernel = kernel_of(fields);
  const MeasuredKernelInfo& about = info(m.kernel);
  m.library = library_of(fields);
  m.dtype = data_type_of(fields, "dtype", about.has_dtype);
  m.kv_dtype = data_type_of(fields, "kv_dtype", about.has_kv_dtype);
  m.load = load_of(fields, about);
  m.cache = field(fields, "cache");
  if (!m.cache.empty() && m.cache != "cold" && m.cache != "hot") {
    throw BadRow(fmt::format("cache \"{}\"", shorten_text(m.cache)), "cold, hot or blank");
  }
  m.suspect = field(fields, "suspect");
  if (!is_plain_text(m.suspect) || m.suspect.find(',') != std::string::npos) {
    throw BadRow(fmt::format("suspect \"{}\"", shorten_text(m.suspect)),
                 "a reason in plain text without commas, or a blank");
  }
  read_parameters(fields, about, m);
  check_listed_rows(m);
  m.time_us = *time(fields, "time_us", true);
  m.p10_us = time(fields, "p10_us", false);
  m.p90_us = time(fields, "p90_us", false);
  return m;
}

RowFields measurement_fields(const Measurement& m) {
  RowFields fields{{"kernel", std::string(info(m.kernel).name)},
                   {"library", m.library},
                   {"dtype", m.dtype},
                   {"kv_dtype", m.kv_dtype},
                   {"load", m.load},
                   {"cache", m.cache},
                   {"suspect", m.suspect},
                   {"time_us", fmt::format("{}", m.time_us)}};
  for (const auto& [name, value] : m.parameters) fields[name] = fmt::format("{}", value);
  if (m.p10_us) fields["p10_us"] = fmt::format("{}", *m.p10_us);
  if (m.p90_us) fields["p90_us"] = fmt::format("{}", *m.p90_us);
  std::erase_if(fields, [](const auto& field) { return field.second.empty(); });
  return fields;
}

}  // namespace moesim
