#include "validate/network/network_suite.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "scenarios/run.hpp"

namespace moesim {
namespace {

bool contains(const NetworkRow& row, const std::string& text) {
  for (const std::string& field : {row.file, row.id, row.setup, row.source, row.group()}) {
    if (field.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

NetworkSuite run_network_suite(const std::string& only, bool run_set_aside, const SuiteProgress& progress) {
  std::vector<NetworkRow> rows = network_rows();
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const NetworkRow& row) { return !contains(row, only); }),
             rows.end());
  NetworkSuite suite;
  for (NetworkRow& row : rows) {
    std::optional<double> value;
    if (row.runs && (run_set_aside || row.use != RowUse::set_aside)) value = computed(row, run_scenario(row.scenario));
    suite.rows.push_back({std::move(row), value});
    if (progress) progress(suite.rows.size(), rows.size());
  }
  const auto rank = [](const JudgedRow& row) {  // Judged rows first.
    return row.row.use == RowUse::predicted ? 0 : row.row.use == RowUse::fitted ? 1 : 2;
  };
  std::stable_sort(suite.rows.begin(), suite.rows.end(), [&](const JudgedRow& a, const JudgedRow& b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return std::abs(a.error()) > std::abs(b.error());
  });
  return suite;
}

std::vector<std::string> NetworkSuite::groups() const {
  std::set<std::string> names;
  for (const JudgedRow& row : rows) names.insert(row.row.group());
  return {names.begin(), names.end()};
}

ErrorSummary NetworkSuite::summary(RowUse use, const std::string& group) const {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const JudgedRow& row : rows) {
    if (row.row.use != use || (!group.empty() && row.row.group() != group)) continue;
    predicted.push_back(row.computed.value_or(row.row.published));
    measured.push_back(row.row.published);
  }
  return error_summary(predicted, measured);
}

bool NetworkSuite::passes() const {
  const ErrorSummary judged = summary(RowUse::predicted);
  return judged.median_abs <= kNetworkMedianBand && judged.p90_abs <= kNetworkP90Band;
}

}  // namespace moesim
