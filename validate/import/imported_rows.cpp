#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/json_text.hpp"
#include "validate/import/import_format.hpp"

namespace moesim {
namespace {

struct Alias {
  std::string_view column;
  std::string_view theirs;
  std::string_view ours;
};

// As PyTorch, NCCL, NVIDIA AIConfigurator and Frontier write them.
constexpr Alias kAliases[] = {
    {"kernel", "alltoall", "all_to_all"},
    {"kernel", "all_to_all_single", "all_to_all"},
    {"dtype", "bfloat16", "bf16"},
    {"dtype", "float16", "fp16"},
    {"dtype", "half", "fp16"},
    {"dtype", "float32", "fp32"},
    {"dtype", "float", "fp32"},
    {"dtype", "fp8_e4m3", "fp8"},
    {"dtype", "float8_e4m3fn", "fp8"},
    {"dtype", "nvfp4", "fp4"},
    {"load", "bal", "balanced"},
    {"load", "uniform", "balanced"},
};

// "pl1.01" and "power_law_1.01" are the same law.
std::string our_load(const std::string& theirs) {
  for (const std::string_view prefix : {"pl", "power_law_"}) {
    if (theirs.size() > prefix.size() && theirs.substr(0, prefix.size()) == prefix &&
        theirs.find_first_not_of("0123456789.", prefix.size()) == std::string::npos) {
      return "power_law:" + theirs.substr(prefix.size());
    }
  }
  return theirs;
}

void use_our_names(RowFields& fields) {
  for (auto& [column, value] : fields) {
    const std::string_view family = column == "kv_dtype" ? "dtype" : std::string_view(column);
    for (const Alias& alias : kAliases) {
      if (alias.column == family && alias.theirs == value) value = alias.ours;
    }
    if (column == "load") value = our_load(value);
  }
}

std::vector<std::string> needed_columns(const MeasuredKernelInfo& kernel) {
  std::vector<std::string> needed(kernel.parameters.begin(), kernel.parameters.end());
  if (kernel.has_dtype) needed.emplace_back("dtype");
  if (kernel.has_kv_dtype) needed.emplace_back("kv_dtype");
  if (kernel.has_load) needed.emplace_back("load");
  return needed;
}

}  // namespace

void ImportedRows::add(const std::string& place, RowFields fields) {
  if (!options_.library.empty()) fields["library"] = options_.library;
  use_our_names(fields);
  if (!fill_blanks(place, fields)) return;
  try {
    result_.set.rows.push_back(measurement_row(fields));
  } catch (const BadRow& bad) {
    skip(place, bad.what());
  }
}

bool ImportedRows::fill_blanks(const std::string& place, RowFields& fields) {
  if (fields["kernel"].empty()) fields["kernel"] = value_of("kernel");
  if (fields["library"].empty()) fields["library"] = value_of("library");
  if (fields["cache"].empty()) fields["cache"] = value_of("cache");
  use_our_names(fields);
  const auto kernel = measured_kernel(fields["kernel"]);
  if (!kernel) return true;  // The row's check says it.
  std::vector<std::string> missing;
  for (const std::string& column : needed_columns(info(*kernel))) {
    std::string& field = fields[column];
    const std::string value = value_of(column);
    if (field.empty()) field = value;
    if (field.empty()) missing.push_back(column);
  }
  use_our_names(fields);
  for (const auto& [column, value] : options_.values) {
    RowFields said{{column, value}};
    use_our_names(said);
    const std::string& field = fields[column];
    if (!field.empty() && field != said[column]) {
      skip(place, fmt::format("it says {} {}, and --set says {}", column, shorten_text(field), shorten_text(value)));
      return false;
    }
  }
  if (missing.empty()) return true;
  skip(place, fmt::format("{} without {}; --set {}=... says it", info(*kernel).name, fmt::join(missing, ", "),
                          missing.front()));
  return false;
}

void ImportedRows::skip(const std::string& place, const std::string& reason) {
  result_.skipped.push_back({place, reason});
}

void ImportedRows::set_about(const std::string& key, const std::string& value) {
  if (!value.empty() && is_plain_text(value)) result_.set.about[key] = value;
}

std::string ImportedRows::value_of(std::string_view column) {
  const auto found = options_.values.find(std::string(column));
  if (found == options_.values.end()) return "";
  used_values_.emplace(column);
  return found->second;
}

}  // namespace moesim
