#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/routing/dynamics/lab_spec.hpp"
#include "scenarios/lab/lab_file.hpp"
#include "scenarios/result.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {

struct DynamicsColumn {
  BalanceSpec balance;
  std::vector<LabRow> rows;
};

// One scenario with its experts cut m times finer.
struct GranularityRow {
  int cut = 1;
  std::int64_t experts = 1;
  int top_k = 1;
  std::int64_t width = 1;
  double log10_combinations = 0;  // Of C(N, k), the sets of experts that a token may get.
  LabRow fit;                     // Of the laboratory cut alike.
  RunResult run;
  double expert_gemm_efficiency = 0;  // FLOPs of the busiest rank's expert products over peak and the products' time.
  LawInput law_input;
  double loss = 0;
  std::vector<std::string> outside_fit;
};

struct NodeLimitRow {
  int limit = 0;  // 0: free.
  RunResult run;
};

std::vector<DynamicsColumn> run_dynamics(const LabFile& file, const LabDynamics& experiment);
// One table for each scenario.
std::vector<std::vector<GranularityRow>> run_granularity(const LabFile& file, const LabGranularity& experiment);
std::vector<NodeLimitRow> run_node_limit(const LabFile& file, const LabNodeLimit& experiment);

// log10 of the binomial coefficient C(n, k).
double log10_combinations(std::int64_t n, std::int64_t k);

// What `moesim lab` tells. The page is one HTML file without references to others; empty where there is no figure.
struct LabReport {
  nlohmann::ordered_json json;
  std::string text;
  std::string page;
};
LabReport run_lab_file(const LabFile& file, const ReportStyle& style);

LabReport dynamics_report(const LabFile& file, const std::vector<DynamicsColumn>& columns, const ReportStyle& style);
LabReport granularity_report(const LabFile& file, const LabGranularity& experiment,
                             const std::vector<std::vector<GranularityRow>>& tables, const ReportStyle& style);
LabReport node_limit_report(const LabFile& file, const std::vector<NodeLimitRow>& rows, const ReportStyle& style);

// Bytes of dispatch and combine together, inside nodes and between them.
std::pair<double, double> bytes_on_the_wire(const RunResult& run);

}  // namespace moesim
