#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "validate/published/suite.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr int kWidth = 118;

std::string_view use_text(RowUse use) {
  switch (use) {
    case RowUse::fitted:
      return "fitted";
    case RowUse::predicted:
      return "predicted";
    case RowUse::set_aside:
      return "set aside";
    case RowUse::repeated:
      return "repeated";
  }
  return "";
}

// What a single row is marked by.
double row_band(const Suite& suite) { return std::isfinite(suite.p90_band) ? suite.p90_band : suite.median_band; }

std::string row_line(const JudgedRow& judged, const Suite& suite, const ReportStyle& style) {
  const PublishedRow& row = judged.row;
  const double bar = row_band(suite);
  const bool outside = row.use == RowUse::predicted && std::abs(judged.error()) > bar;
  const std::string value = judged.computed ? fmt::format("{:.2f}", *judged.computed) : "-";
  const std::string error = judged.computed ? fmt::format("{:+7.1f} %", 100 * judged.error()) : "         ";
  return fmt::format("  {:<34}{:>10.2f} {:>10} {:<5}{}{:>7}  {:<9}  {}\n", row.file + " " + row.id, row.published,
                     value, row.quantity.unit, outside ? alarm(error, style) : error,
                     row.use == RowUse::predicted ? fmt::format("{:.0f} %", 100 * bar) : "-", use_text(row.use),
                     row.setup);
}

std::string error_columns(const ErrorSummary& judged) {
  if (judged.rows == 0) return "";
  return fmt::format("{:>9.1f}{:>8.1f}{:>8.1f}", 100 * judged.median_abs, 100 * judged.p90_abs, 100 * judged.bias);
}

std::string summaries(const SuiteResult& suite) {
  std::string text = fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>10}{:>9}{:>8}{:>8}\n", suite.suite->group, "fitted",
                                 "repeated", "set aside", "predicted", "median", "p90", "bias");
  const auto line = [&](const std::string& name, const std::string& group) {
    const ErrorSummary judged = suite.summary(RowUse::predicted, group);
    text += fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>10}{}\n", name, suite.count(RowUse::fitted, group),
                        suite.count(RowUse::repeated, group), suite.count(RowUse::set_aside, group), judged.rows,
                        error_columns(judged));
  };
  for (const std::string& group : suite.groups()) line(group, group);
  line("all", "");
  const ErrorSummary both = suite.with_set_aside();  // Shows what setting aside does.
  text += fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>10}{}\n", "all, set aside too", "", "", "", both.rows,
                      error_columns(both));
  const double p90 = suite.suite->p90_band;
  text += fmt::format("  {:<58}{:>17.0f}{:>8}\n", "band", 100 * suite.suite->median_band,
                      std::isfinite(p90) ? fmt::format("{:.0f}", 100 * p90) : "-");
  return text;
}

std::string sources(const SuiteResult& suite) {
  std::map<std::string, std::string> by_file;
  for (const JudgedRow& judged : suite.rows) by_file.emplace(judged.row.file, judged.row.source);
  std::string text = "\nSources\n";
  for (const auto& [file, source] : by_file) text += wrap(fmt::format("  {}: {}", file, source), kWidth, 4) + "\n";
  return text;
}

std::string reasons(const SuiteResult& suite) {
  std::string text;
  std::string last;
  for (const JudgedRow& judged : suite.rows) {
    if (judged.row.reason.empty() || judged.row.reason == last) continue;
    last = judged.row.reason;
    text += wrap(fmt::format("  {} {}: {}", judged.row.file, judged.row.id, last), kWidth, 4) + "\n";
  }
  return text.empty() ? text : "\nSet aside or repeated\n" + text;
}

ordered_json summary_json(const ErrorSummary& summary) {
  return {{"rows", summary.rows},
          {"median_abs_error", summary.median_abs},
          {"p90_abs_error", summary.p90_abs},
          {"bias", summary.bias}};
}

}  // namespace

std::string SuiteResult::text(const ReportStyle& style, std::size_t worst) const {
  std::string text = bold(suite->title, style) + "\n";
  if (worst > 0) {
    text += fmt::format("\n  {:<34}{:>10} {:>10} {:<5}{:>9}{:>7}  {:<9}  {}\n", "row", "published", "computed", "",
                        "error", "band", "", "setup");
    for (std::size_t i = 0; i < std::min(worst, rows.size()); ++i) text += row_line(rows[i], *suite, style);
    if (worst >= rows.size()) text += reasons(*this) + sources(*this);
  }
  text += "\nSize of errors in %, of rows that no constant was fitted on\n" + summaries(*this);
  const std::optional<bool> inside = passes();
  if (!inside) return text + "  nothing judged\n";
  return text + (*inside ? "  inside the band" : alarm("  outside the band", style)) + "\n";
}

std::string SuiteResult::json() const {
  ordered_json list = ordered_json::array();
  for (const JudgedRow& judged : rows) {
    const PublishedRow& row = judged.row;
    ordered_json value = {{"id", row.id},
                          {"file", row.file},
                          {"source", row.source},
                          {"library", row.group},
                          {"setup", row.setup},
                          {"unit", row.quantity.unit},
                          {"published", row.published},
                          {"band", row_band(*suite)},
                          {"use", use_text(row.use)}};
    if (judged.computed) {
      value["computed"] = *judged.computed;
      value["error"] = judged.error();
    }
    if (!row.reason.empty()) value["reason"] = row.reason;
    list.push_back(std::move(value));
  }
  ordered_json libraries = ordered_json::array();
  for (const std::string& group : groups()) {
    ordered_json value = {{"library", group},
                          {"fitted", count(RowUse::fitted, group)},
                          {"repeated", count(RowUse::repeated, group)},
                          {"set_aside", count(RowUse::set_aside, group)},
                          {"predicted", summary_json(summary(RowUse::predicted, group))}};
    libraries.push_back(std::move(value));
  }
  return pretty_json(
      {{"schema", 1},
       {"suite", suite->name},
       {"passes", passes() ? ordered_json(*passes()) : ordered_json(nullptr)},
       {"median_band", suite->median_band},
       {"p90_band", std::isfinite(suite->p90_band) ? ordered_json(suite->p90_band) : ordered_json(nullptr)},
       {"predicted", summary_json(summary(RowUse::predicted))},
       {"predicted_and_set_aside", summary_json(with_set_aside())},
       {"libraries", std::move(libraries)},
       {"rows", std::move(list)}});
}

}  // namespace moesim
