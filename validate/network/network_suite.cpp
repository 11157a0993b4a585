#include "validate/network/network_suite.hpp"

#include <algorithm>
#include <array>
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

bool is_of(const NetworkRow& row, RowUse use, const std::string& group) {
  return row.use == use && (group.empty() || row.group() == group);
}

// Of the rows that could run.
template <class Condition>
ErrorSummary summary_where(const std::vector<JudgedRow>& rows, const Condition& wanted) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const JudgedRow& row : rows) {
    if (!row.computed || !wanted(row.row)) continue;
    predicted.push_back(*row.computed);
    measured.push_back(row.row.published);
  }
  return error_summary(predicted, measured);
}

}  // namespace

NetworkSuite run_network_suite(const std::string& only, const SuiteProgress& progress) {
  std::vector<NetworkRow> rows = network_rows();
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const NetworkRow& row) { return !contains(row, only); }),
             rows.end());
  NetworkSuite suite;
  for (NetworkRow& row : rows) {
    std::optional<double> value;
    if (row.runs) value = computed(row, run_scenario(row.scenario));
    suite.rows.push_back({std::move(row), value});
    if (progress) progress(suite.rows.size(), rows.size());
  }
  const auto rank = [](const JudgedRow& row) {  // Judged rows first.
    constexpr std::array kOrder{RowUse::predicted, RowUse::fitted, RowUse::repeated, RowUse::set_aside};
    return std::find(kOrder.begin(), kOrder.end(), row.row.use) - kOrder.begin();
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
  return summary_where(rows, [&](const NetworkRow& row) { return is_of(row, use, group); });
}

std::size_t NetworkSuite::count(RowUse use, const std::string& group) const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const JudgedRow& row) { return is_of(row.row, use, group); }));
}

ErrorSummary NetworkSuite::with_set_aside() const {
  return summary_where(
      rows, [](const NetworkRow& row) { return row.use == RowUse::predicted || row.use == RowUse::set_aside; });
}

std::optional<bool> NetworkSuite::passes() const {
  const ErrorSummary judged = summary(RowUse::predicted);
  if (judged.rows == 0) return std::nullopt;
  return judged.median_abs <= kNetworkMedianBand && judged.p90_abs <= kNetworkP90Band;
}

}  // namespace moesim
