#include "validate/calibrate_report.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

bool judged(const CheckedRow& row, JudgedRows which) { return which == JudgedRows::all || row.held_out; }

double band_of(const CheckedGroup& group, const CheckOptions& options) {
  if (options.band > 0) return options.band;
  for (const auto& fitter : kernel_fitters()) {
    if (fitter->family() == group.family) return fitter->band();
  }
  return 0;
}

// Rows of a group that a column of the table is about.
struct Slice {
  std::string_view name;
  bool (*keep)(const CheckedRow&);
};
constexpr Slice kSlices[] = {
    {"all", [](const CheckedRow&) { return true; }},
    {"small", [](const CheckedRow& row) { return is_small(row.row); }},
    {"large", [](const CheckedRow& row) { return !is_small(row.row); }},
    {"even", [](const CheckedRow& row) { return row.row.load.empty() || row.row.load == "balanced"; }},
    {"skewed", [](const CheckedRow& row) { return !row.row.load.empty() && row.row.load != "balanced"; }},
};

ErrorPair slice_errors(const CheckedGroup& group, const Slice& slice, JudgedRows which) {
  return errors_of(group.rows, [&](const CheckedRow& row) { return judged(row, which) && slice.keep(row); });
}

std::string percent_cell(const ErrorSummary& summary, double ErrorSummary::*value) {
  return summary.rows == 0 ? "-" : fmt::format("{:.1f}", 100 * summary.*value);
}

ordered_json summary_json(const ErrorPair& errors) {
  return {{"rows", errors.model.rows},
          {"mean_abs_error", errors.model.mean_abs},
          {"median_abs_error", errors.model.median_abs},
          {"p90_abs_error", errors.model.p90_abs},
          {"bias", errors.model.bias},
          {"roofline_mean_abs_error", errors.roofline.mean_abs}};
}

ordered_json row_json(const CheckedRow& row) {
  return {{"shape", row.row.text()},        {"measured_us", row.row.time_us}, {"predicted_us", row.predicted_us},
          {"roofline_us", row.roofline_us}, {"error", row.error()},           {"held_out", row.held_out},
          {"suspect", row.row.suspect}};
}

std::string worst_rows(const CheckedGroup& group, const CheckOptions& options, const ReportStyle& style) {
  std::string text;
  std::size_t shown = 0;
  for (const CheckedRow& row : group.rows) {
    if (shown == options.worst) break;
    if (!judged(row, options.judged)) continue;
    if (shown++ == 0) {
      text += "\n" + bold(fmt::format("{} {}, {}: worst rows", group.family, group.precision, group.library), style) +
              "\n" + faint(fmt::format("  {:>12}{:>12}{:>9}  shape", "measured us", "model us", "error %"), style) +
              "\n";
    }
    text += fmt::format("  {:>12.2f}{:>12.2f}{:>+9.1f}  {}\n", row.row.time_us, row.predicted_us, 100 * row.error(),
                        row.row.text());
  }
  return text;
}

}  // namespace

std::string fit_text(const KernelProfile& profile, const ReportStyle& style) {
  std::string text = bold(fmt::format("{:<26}{:<28}{:<11}{:>7}{:>10}{:>9}{:>10}{:>10}", "family", "library",
                                      "precision", "fitted", "held out", "error %", "held out", "roofline"),
                          style) +
                     "\n";
  for (const KernelFit& fit : profile.fits) {
    text += fmt::format("{:<26}{:<28}{:<11}", fit.family, fit.library, fit.precision);
    if (!fit.record) {
      text += "  without a record\n";
      continue;
    }
    const FitRecord& record = *fit.record;
    const bool held_out = record.rows_held_out > 0;
    text += fmt::format("{:>7}{:>10}{:>9.1f}{:>10}{:>10}\n", record.rows_fitted, record.rows_held_out,
                        100 * record.error_fitted, held_out ? fmt::format("{:.1f}", 100 * record.error_held_out) : "-",
                        held_out ? fmt::format("{:.1f}", 100 * record.roofline_held_out) : "-");
  }
  return text;
}

std::size_t CheckReport::judged_rows() const {
  std::size_t count = 0;
  for (const CheckedGroup& group : groups) {
    count += static_cast<std::size_t>(std::count_if(
        group.rows.begin(), group.rows.end(), [&](const CheckedRow& row) { return judged(row, options.judged); }));
  }
  return count;
}

bool CheckReport::passes() const {
  return std::all_of(groups.begin(), groups.end(), [&](const CheckedGroup& group) {
    return slice_errors(group, kSlices[0], options.judged).model.mean_abs <= band_of(group, options);
  });
}

std::string CheckReport::text(const ReportStyle& style) const {
  std::string text = fmt::format("{} against {}: mean |model / measured - 1| in %\n\n", profile,
                                 options.judged == JudgedRows::all ? "all rows" : "rows that were not fitted");
  text += bold(fmt::format("{:<52}{:>6}{:>7}{:>7}{:>7}{:>7}{:>8}{:>7}{:>7}{:>10}{:>7}", "kernels", "rows", "all",
                           "small", "large", "even", "skewed", "p90", "bias", "roofline", "band"),
               style) +
          "\n";
  for (const CheckedGroup& group : groups) {
    const ErrorPair all = slice_errors(group, kSlices[0], options.judged);
    const double band = band_of(group, options);
    std::string line = fmt::format("{:<52}{:>6}", fmt::format("{} {} {}", group.family, group.precision, group.library),
                                   all.model.rows);
    for (const Slice& slice : kSlices) {
      line +=
          fmt::format("{:>{}}", percent_cell(slice_errors(group, slice, options.judged).model, &ErrorSummary::mean_abs),
                      slice.name == "skewed" ? 8 : 7);
    }
    line += fmt::format("{:>7}{:>7}{:>10}{:>7.0f}", percent_cell(all.model, &ErrorSummary::p90_abs),
                        percent_cell(all.model, &ErrorSummary::bias),
                        percent_cell(all.roofline, &ErrorSummary::mean_abs), 100 * band);
    text += line + (all.model.mean_abs > band ? alarm("  outside", style) : "") + "\n";
    const ErrorPair suspect =
        errors_of(group.suspect, [&](const CheckedRow& row) { return judged(row, options.judged); });
    if (suspect.model.rows == 0) continue;
    text += faint(fmt::format("{:<52}{:>6}{:>7}   suspect, not in the line above\n", "", suspect.model.rows,
                              percent_cell(suspect.model, &ErrorSummary::mean_abs)),
                  style);
  }
  text += faint("small: up to 128 rows or tokens, and decode; skewed: experts that are not loaded evenly\n", style);
  for (const std::string& missing : unmatched) text += fmt::format("not checked: {}\n", missing);
  for (const CheckedGroup& group : groups) text += worst_rows(group, options, style);
  return text;
}

std::string CheckReport::json() const {
  ordered_json document = {{"schema", 1},
                           {"profile", profile},
                           {"judged", options.judged == JudgedRows::all ? "all" : "held_out"},
                           {"passes", passes()},
                           {"groups", ordered_json::array()},
                           {"unmatched", unmatched}};
  for (const CheckedGroup& group : groups) {
    ordered_json entry = {{"family", group.family},
                          {"library", group.library},
                          {"precision", group.precision},
                          {"band", band_of(group, options)}};
    for (const Slice& slice : kSlices) {
      entry["errors"][std::string(slice.name)] = summary_json(slice_errors(group, slice, options.judged));
    }
    entry["errors"]["suspect"] =
        summary_json(errors_of(group.suspect, [&](const CheckedRow& row) { return judged(row, options.judged); }));
    entry["rows"] = ordered_json::array();
    for (const auto* rows : {&group.rows, &group.suspect}) {
      for (const CheckedRow& row : *rows) entry["rows"].push_back(row_json(row));
    }
    document["groups"].push_back(std::move(entry));
  }
  return pretty_json(document);
}

}  // namespace moesim
