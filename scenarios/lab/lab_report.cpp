#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/json_text.hpp"
#include "scenarios/lab/lab_run.hpp"
#include "scenarios/lab/line_charts.hpp"
#include "scenarios/version.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr double kMegabyte = 1e6;
constexpr std::string_view kNote = "Of a small synthetic router that learns, not of a trained model.";

ordered_json head(const LabFile& file) { return {{"schema", 1}, {"version", version()}, {"lab", file.echo}}; }

// A figure of the laboratory's rows.
struct Measure {
  std::string_view title;
  double (*value)(const LabRow&);
  std::string_view form;
};
constexpr Measure kMeasures[] = {
    {"busiest expert over mean (1 is even)", [](const LabRow& row) { return row.max_over_mean; }, "{:>13.3f}"},
    {"task match (1 is every answer right)", [](const LabRow& row) { return row.task_match; }, "{:>13.4f}"},
    {"specialisation entropy (0: an expert a domain)", [](const LabRow& row) { return row.specialisation_entropy; },
     "{:>13.4f}"},
    {"gate mass kept (1 is a free choice)", [](const LabRow& row) { return row.retained_gate_mass; }, "{:>13.4f}"},
    {"experts that no token went to", [](const LabRow& row) { return static_cast<double>(row.starved_experts); },
     "{:>13.0f}"},
};

ordered_json row_json(const LabRow& row) {
  return {{"step", row.step},
          {"max_over_mean", row.max_over_mean},
          {"load_entropy", row.load_entropy},
          {"specialisation_entropy", row.specialisation_entropy},
          {"task_match", row.task_match},
          {"retained_gate_mass", row.retained_gate_mass},
          {"loss", row.loss},
          {"starved_experts", row.starved_experts}};
}

std::string caveat_text(const std::vector<RunResult>& runs) {
  std::vector<std::string> seen;
  std::string text;
  for (const RunResult& run : runs) {
    for (const Caveat& caveat : run.caveats) {
      if (std::find(seen.begin(), seen.end(), caveat.text) != seen.end()) continue;
      seen.push_back(caveat.text);
      text += "    " + wrap(caveat.key + ": " + caveat.text, 92, 6) + "\n";
    }
  }
  return text.empty() ? text : "\n  Before you lean on this\n" + text;
}

ordered_json caveats_json(const RunResult& run) {
  ordered_json caveats = ordered_json::array();
  for (const Caveat& caveat : run.caveats) caveats.push_back({{"key", caveat.key}, {"text", caveat.text}});
  return caveats;
}

}  // namespace

LabReport dynamics_report(const LabFile& file, const std::vector<DynamicsColumn>& columns, const ReportStyle& style) {
  LabReport report;
  report.json = head(file);
  report.text = bold(file.name, style) + "\n" + std::string(kNote) + "\n";
  std::vector<Chart> charts;
  for (const Measure& measure : kMeasures) {
    report.text += "\n  " + bold(measure.title, style) + "\n" + fmt::format("  {:>8}", "step");
    Chart chart{std::string(measure.title), "step", {}};
    for (const DynamicsColumn& column : columns) {
      report.text += fmt::format("{:>13.12}", column.balance.name);
      ChartLine& line = chart.lines.emplace_back();
      line.name = column.balance.name;
      for (const LabRow& row : column.rows) line.points.emplace_back(row.step, measure.value(row));
    }
    report.text += "\n";
    for (std::size_t i = 0; i < columns.front().rows.size(); ++i) {
      report.text += fmt::format("  {:>8}", columns.front().rows[i].step);
      for (const DynamicsColumn& column : columns) {
        report.text += fmt::format(fmt::runtime(measure.form), measure.value(column.rows[i]));
      }
      report.text += "\n";
    }
    charts.push_back(std::move(chart));
  }
  ordered_json all = ordered_json::array();
  for (const DynamicsColumn& column : columns) {
    ordered_json rows = ordered_json::array();
    for (const LabRow& row : column.rows) rows.push_back(row_json(row));
    all.push_back({{"balance", column.balance.name}, {"rows", std::move(rows)}});
  }
  report.json["dynamics"] = std::move(all);
  report.page = chart_page(file.name, std::string(kNote), charts);
  return report;
}

LabReport granularity_report(const LabFile& file, const LabGranularity& experiment,
                             const std::vector<std::vector<GranularityRow>>& tables, const ReportStyle& style) {
  LabReport report;
  report.json = head(file);
  report.text = bold(file.name, style) +
                "\nExperts cut m times finer, at equal FLOPs: N m experts of width f / m, k m a token.\n";
  ordered_json all = ordered_json::array();
  std::vector<Chart> charts{{"log10 of the sets of experts, C(N, k)", "m", {}, true},
                            {"task match in the laboratory", "m", {}, true, 1},
                            {"copies sent, dispatch, over m = first", "m", {}, true},
                            {"layer time, over m = first", "m", {}, true}};
  std::vector<RunResult> runs;
  for (const auto& rows : tables) {
    const std::string& name = rows.front().run.scenario.name;
    report.text += "\n  " + bold(name, style) + "\n" +
                   fmt::format("  {:>3}{:>7}{:>5}{:>7}{:>9}{:>8}{:>12}{:>12}{:>13}{:>8}{:>9}\n", "m", "N", "k", "f",
                               "log10 C", "match", "copies sent", "bytes", "layer time", "GEMM", "loss");
    ordered_json table = ordered_json::array();
    std::vector<ChartLine> lines(charts.size());
    const auto copies = [](const GranularityRow& row) { return static_cast<double>(row.run.dispatch->copies); };
    const auto relative = [](double value, double first) { return first > 0 ? value / first : 0.0; };
    for (const GranularityRow& row : rows) {
      const auto [up, out] = bytes_on_the_wire(row.run);
      report.text +=
          fmt::format("  {:>3}{:>7}{:>5}{:>7}{:>9.1f}{:>8.4f}{:>12}{:>12}{:>13}{:>8}{:>8.4f}{}\n", row.cut, row.experts,
                      row.top_k, row.width, row.log10_combinations, row.fit.task_match,
                      grouped(row.run.dispatch->copies), bytes_text(up + out), time_text(row.run.time.seconds() * 1e6),
                      percent_text(row.expert_gemm_efficiency), row.loss, row.outside_fit.empty() ? " " : "?");
      ordered_json quantities = ordered_json::object();
      for (const LawQuantity& quantity : law_quantities()) {
        quantities[std::string(quantity.name)] = row.law_input.*(quantity.value);
      }
      table.push_back({{"m", row.cut},
                       {"experts", row.experts},
                       {"top_k", row.top_k},
                       {"width", row.width},
                       {"log10_combinations", row.log10_combinations},
                       {"laboratory", row_json(row.fit)},
                       {"copies", row.run.dispatch->copies},
                       {"bytes_scale_up", up},
                       {"bytes_scale_out", out},
                       {"time_us", row.run.time.seconds() * 1e6},
                       {"expert_gemm_efficiency", row.expert_gemm_efficiency},
                       {"predicted_loss", row.loss},
                       {"law_input", std::move(quantities)},
                       {"outside_fit", row.outside_fit},
                       {"caveats", caveats_json(row.run)}});
      const double values[] = {row.log10_combinations, row.fit.task_match, relative(copies(row), copies(rows.front())),
                               relative(row.run.time.seconds(), rows.front().run.time.seconds())};
      for (std::size_t i = 0; i < lines.size(); ++i) lines[i].points.emplace_back(row.cut, values[i]);
      runs.push_back(row.run);
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
      lines[i].name = name;
      charts[i].lines.push_back(std::move(lines[i]));
    }
    all.push_back({{"scenario", name}, {"rows", std::move(table)}});
    const GranularityRow& worst = *std::max_element(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return a.outside_fit.size() < b.outside_fit.size();
    });
    if (!worst.outside_fit.empty()) {
      report.text += "    " +
                     wrap(fmt::format("? outside of what {} was fitted on, at m = {}: {}", experiment.law.name,
                                      worst.cut, fmt::join(worst.outside_fit, "; ")),
                          92, 6) +
                     "\n";
    }
  }
  charts[1].lines.resize(1);  // The laboratory is the same for all.
  charts[1].lines[0].name = "laboratory";
  charts[1].y_min = 0;
  report.text +=
      "\n  match: task match of the laboratory cut alike, a synthetic router that learns. GEMM: FLOPs of the\n"
      "  busiest rank's expert products over the peak in their time. bytes: dispatch and combine.\n  " +
      wrap(fmt::format("loss: {} ({}), {} training tokens.", experiment.law.loss, experiment.law.name,
                       count_text(experiment.training_tokens)),
           94, 2) +
      "\n" + caveat_text(runs);
  report.json["granularity"] = std::move(all);
  report.page = chart_page(file.name, "Experts cut m times finer at equal FLOPs.", charts);
  return report;
}

LabReport node_limit_report(const LabFile& file, const std::vector<NodeLimitRow>& rows, const ReportStyle& style) {
  LabReport report;
  report.json = head(file);
  const double free_bytes = bytes_on_the_wire(rows.back().run).second;
  report.text = bold(file.name, style) + "\nNodes that a token may reach, at most M.\n\n" +
                fmt::format("  {:>5}{:>18}{:>10}{:>15}{:>19}{:>21}\n", "M", "bytes_scale_out", "of free", "layer time",
                            "gate mass kept", "busiest rank / mean");
  ordered_json table = ordered_json::array();
  std::vector<Chart> charts{{"MB between nodes", "M", {}}, {"layer time, ms", "M", {}}, {"gate mass kept", "M", {}}};
  for (Chart& chart : charts) chart.lines = {{"limited", {}}, {"free", {}}};
  std::vector<RunResult> runs;
  for (const NodeLimitRow& row : rows) {
    const double bytes = bytes_on_the_wire(row.run).second;
    const double time = row.run.time.seconds();
    const double mass = row.run.load->retained_gate_mass;
    report.text +=
        fmt::format("  {:>5}{:>18}{:>10}{:>15}{:>19}{:>21.3f}\n", row.limit == 0 ? "free" : std::to_string(row.limit),
                    bytes_text(bytes), free_bytes > 0 ? percent_text(bytes / free_bytes) : "-", time_text(time * 1e6),
                    percent_text(mass), row.run.load->rank_max_over_mean);
    table.push_back({{"limit", row.limit == 0 ? ordered_json(nullptr) : ordered_json(row.limit)},
                     {"bytes_scale_out", bytes},
                     {"time_us", time * 1e6},
                     {"retained_gate_mass", mass},
                     {"rank_max_over_mean", row.run.load->rank_max_over_mean},
                     {"caveats", caveats_json(row.run)}});
    const double values[] = {bytes / kMegabyte, time * 1e3, mass};
    for (std::size_t i = 0; i < charts.size(); ++i) {
      if (row.limit > 0) {
        charts[i].lines[0].points.emplace_back(row.limit, values[i]);
      } else {
        for (const NodeLimitRow& each : rows) {
          if (each.limit > 0) charts[i].lines[1].points.emplace_back(each.limit, values[i]);
        }
      }
    }
    runs.push_back(row.run);
  }
  report.text += caveat_text(runs);
  report.json["node_limit"] = std::move(table);
  report.page = chart_page(file.name, "Nodes that a token may reach, at most M.", charts);
  return report;
}

}  // namespace moesim
