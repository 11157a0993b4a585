#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "validate/network/network_suite.hpp"

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
  }
  return "";
}

std::string row_line(const JudgedRow& judged, const ReportStyle& style) {
  const NetworkRow& row = judged.row;
  const bool outside = row.use == RowUse::predicted && std::abs(judged.error()) > kNetworkP90Band;
  const std::string value = judged.computed ? fmt::format("{:.2f}", *judged.computed) : "-";
  const std::string error = judged.computed ? fmt::format("{:+7.1f} %", 100 * judged.error()) : "         ";
  return fmt::format("  {:<34} {:<36} {:>10.2f} {:>10} {:<5}{}{:>7}  {}\n", row.file + " " + row.id, row.setup,
                     row.published, value, unit(row.quantity), outside ? alarm(error, style) : error,
                     row.use == RowUse::predicted ? fmt::format("{:.0f} %", 100 * kNetworkP90Band) : "-",
                     use_text(row.use));
}

std::string summary_line(const std::string& name, std::size_t fitted, std::size_t aside, const ErrorSummary& judged) {
  if (judged.rows == 0) return fmt::format("  {:<28}{:>7}{:>10}{:>10}\n", name, fitted, 0, aside);
  return fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>9.1f}{:>8.1f}{:>8.1f}\n", name, fitted, judged.rows, aside,
                     100 * judged.median_abs, 100 * judged.p90_abs, 100 * judged.bias);
}

std::string summaries(const NetworkSuite& suite) {
  std::string text = fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>9}{:>8}{:>8}\n", "library", "fitted", "predicted",
                                 "set aside", "median", "p90", "bias");
  const auto line = [&](const std::string& name, const std::string& group) {
    text += summary_line(name, static_cast<std::size_t>(suite.summary(RowUse::fitted, group).rows),
                         static_cast<std::size_t>(suite.summary(RowUse::set_aside, group).rows),
                         suite.summary(RowUse::predicted, group));
  };
  for (const std::string& group : suite.groups()) line(group, group);
  line("all", "");
  text += fmt::format("  {:<28}{:>7}{:>10}{:>10}{:>9.0f}{:>8.0f}\n", "band", "", "", "", 100 * kNetworkMedianBand,
                      100 * kNetworkP90Band);
  return text;
}

std::string sources(const NetworkSuite& suite) {
  std::map<std::string, std::string> by_file;
  for (const JudgedRow& judged : suite.rows) by_file.emplace(judged.row.file, judged.row.source);
  std::string text = "\nSources\n";
  for (const auto& [file, source] : by_file) text += wrap(fmt::format("  {}: {}", file, source), kWidth, 4) + "\n";
  return text;
}

std::string reasons(const NetworkSuite& suite) {
  std::string text;
  std::string last;
  for (const JudgedRow& judged : suite.rows) {
    if (judged.row.use != RowUse::set_aside || judged.row.set_aside == last) continue;
    last = judged.row.set_aside;
    text += wrap(fmt::format("  {} {}: {}", judged.row.file, judged.row.id, last), kWidth, 4) + "\n";
  }
  return text.empty() ? text : "\nSet aside\n" + text;
}

ordered_json summary_json(const ErrorSummary& summary) {
  return {{"rows", summary.rows},
          {"median_abs_error", summary.median_abs},
          {"p90_abs_error", summary.p90_abs},
          {"bias", summary.bias}};
}

}  // namespace

std::string NetworkSuite::text(const ReportStyle& style, std::size_t worst) const {
  std::string text = bold("Network: published exchanges and collectives against moesim", style) + "\n";
  if (worst > 0) {
    text += fmt::format("\n  {:<34} {:<36} {:>10} {:>10} {:<5}{:>9}{:>7}\n", "row", "setup", "published", "computed",
                        "", "error", "band");
    for (std::size_t i = 0; i < std::min(worst, rows.size()); ++i) text += row_line(rows[i], style);
    if (worst >= rows.size()) text += reasons(*this) + sources(*this);
  }
  text += "\nSize of errors in %, of rows that no constant was fitted on\n" + summaries(*this);
  text += passes() ? "  inside the band\n" : alarm("  outside the band", style) + "\n";
  return text;
}

std::string NetworkSuite::json() const {
  ordered_json list = ordered_json::array();
  for (const JudgedRow& judged : rows) {
    const NetworkRow& row = judged.row;
    ordered_json value = {{"id", row.id},
                          {"file", row.file},
                          {"source", row.source},
                          {"library", row.group()},
                          {"setup", row.setup},
                          {"unit", unit(row.quantity)},
                          {"published", row.published},
                          {"band", kNetworkP90Band},
                          {"use", use_text(row.use)}};
    if (judged.computed) {
      value["computed"] = *judged.computed;
      value["error"] = judged.error();
    }
    if (row.use == RowUse::set_aside) value["reason"] = row.set_aside;
    list.push_back(std::move(value));
  }
  ordered_json libraries = ordered_json::array();
  for (const std::string& group : groups()) {
    ordered_json value = {{"library", group},
                          {"fitted", summary(RowUse::fitted, group).rows},
                          {"set_aside", summary(RowUse::set_aside, group).rows},
                          {"predicted", summary_json(summary(RowUse::predicted, group))}};
    libraries.push_back(std::move(value));
  }
  return pretty_json({{"schema", 1},
                      {"suite", "network"},
                      {"passes", passes()},
                      {"median_band", kNetworkMedianBand},
                      {"p90_band", kNetworkP90Band},
                      {"predicted", summary_json(summary(RowUse::predicted))},
                      {"libraries", std::move(libraries)},
                      {"rows", std::move(list)}});
}

}  // namespace moesim
