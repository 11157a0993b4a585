#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/text_table.hpp"
#include "validate/error_summary.hpp"
#include "validate/published/published_rows.hpp"

namespace moesim {

struct JudgedRow {
  PublishedRow row;
  std::optional<double> computed;  // Empty for a row set aside that cannot run.
  double error() const { return computed ? *computed / row.published - 1 : 0; }
};

struct SuiteResult {
  const Suite* suite = nullptr;
  std::vector<JudgedRow> rows;  // Worst first; fitted, repeated and set aside ones behind.

  std::vector<std::string> groups() const;  // By name.
  // Of the rows with this use; of all groups for an empty one.
  ErrorSummary summary(RowUse use, const std::string& group = "") const;
  std::size_t count(RowUse use, const std::string& group = "") const;
  ErrorSummary with_set_aside() const;  // Judged rows, and those set aside that can run.
  std::optional<bool> passes() const;   // Empty where no row is judged.

  // With the `worst` first rows.
  std::string text(const ReportStyle& style, std::size_t worst) const;
  std::string json() const;
};

// Runs every row whose file, id, setup, source or library contains `only`, those set aside as well where they can run.
// `progress` may be empty.
using SuiteProgress = std::function<void(std::size_t done, std::size_t rows)>;
SuiteResult run_suite(const Suite& suite, const std::string& only, const SuiteProgress& progress = {});

// The fitted constants of one library's card, found anew on the rows that are marked as fitted.
struct RefittedConstant {
  std::string name;
  double card = 0;    // As the card has it.
  double fitted = 0;  // As least squares in the logarithm find it.
};
struct RefittedLibrary {
  std::string name;
  std::size_t rows = 0;
  std::vector<RefittedConstant> constants;
};
std::vector<RefittedLibrary> refit_libraries(const std::string& only);

}  // namespace moesim
