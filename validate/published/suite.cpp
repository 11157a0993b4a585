#include "validate/published/suite.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "scenarios/run.hpp"

namespace moesim {
namespace {

bool contains(const PublishedRow& row, const std::string& text) {
  for (const std::string& field : {row.file, row.id, row.setup, row.source, row.group}) {
    if (field.find(text) != std::string::npos) return true;
  }
  return false;
}

bool is_of(const PublishedRow& row, RowUse use, const std::string& group) {
  return row.use == use && (group.empty() || row.group == group);
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

SuiteResult run_suite(const Suite& suite, const std::string& only, const SuiteProgress& progress) {
  std::vector<PublishedRow> rows = published_rows(suite);
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const PublishedRow& row) { return !contains(row, only); }),
             rows.end());
  SuiteResult result;
  result.suite = &suite;
  for (PublishedRow& row : rows) {
    std::optional<double> value;
    if (row.runs) value = computed(row, run_scenario(row.scenario));
    result.rows.push_back({std::move(row), value});
    if (progress) progress(result.rows.size(), rows.size());
  }
  const auto rank = [](const JudgedRow& row) {  // Judged rows first.
    constexpr std::array kOrder{RowUse::predicted, RowUse::fitted, RowUse::repeated, RowUse::set_aside};
    return std::find(kOrder.begin(), kOrder.end(), row.row.use) - kOrder.begin();
  };
  std::stable_sort(result.rows.begin(), result.rows.end(), [&](const JudgedRow& a, const JudgedRow& b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return std::abs(a.error()) > std::abs(b.error());
  });
  return result;
}

std::vector<std::string> SuiteResult::groups() const {
  std::set<std::string> names;
  for (const JudgedRow& row : rows) names.insert(row.row.group);
  return {names.begin(), names.end()};
}

ErrorSummary SuiteResult::summary(RowUse use, const std::string& group) const {
  return summary_where(rows, [&](const PublishedRow& row) { return is_of(row, use, group); });
}

std::size_t SuiteResult::count(RowUse use, const std::string& group) const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const JudgedRow& row) { return is_of(row.row, use, group); }));
}

ErrorSummary SuiteResult::with_set_aside() const {
  return summary_where(
      rows, [](const PublishedRow& row) { return row.use == RowUse::predicted || row.use == RowUse::set_aside; });
}

std::optional<bool> SuiteResult::passes() const {
  const ErrorSummary judged = summary(RowUse::predicted);
  if (judged.rows == 0) return std::nullopt;
  return judged.median_abs <= suite->median_band && judged.p90_abs <= suite->p90_band;
}

}  // namespace moesim
