#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/kernels/kernel_profile.hpp"
#include "validate/error_summary.hpp"
#include "validate/kernel_family.hpp"

namespace moesim {

// Rows that are fitted together: of one family, library and precision. In the order of kernel_fitters(), then of the
// rows.
struct RowGroup {
  const KernelFitter* fitter = nullptr;
  std::string library;
  std::string precision;
  std::vector<Measurement> rows;  // Those that are not suspect.
  std::vector<Measurement> suspect;
};
std::vector<RowGroup> group_rows(std::span<const Measurement> rows);

// Rows that are in no group, counted by kernel, data type, cache and library, in words.
std::vector<std::string> uncovered_rows(std::span<const Measurement> rows);

struct FitSettings {
  std::uint64_t seed = 1;  // Of the split.
  double held_out_fraction = 0.3;
  std::function<void(const RowGroup&, int iteration, double cost)> progress;  // May be empty.
};

// Finds the constants of one group on the shapes that are not held out, and records how well they do on both sides.
// Nothing, and a note that says so, where fewer rows are left to fit than there are constants.
std::optional<KernelFit> fit_group(const Device& device, const RowGroup& group, const FitSettings& settings,
                                   std::vector<std::string>& notes);

// One row beside what a fit makes of it.
struct CheckedRow {
  Measurement row;
  double predicted_us = 0;
  double roofline_us = 0;
  bool held_out = true;  // From the fit, by its own record.
  double error() const { return predicted_us / row.time_us - 1; }
};

// The rows of one fit.
struct CheckedGroup {
  std::string family;
  std::string library;
  std::string precision;
  std::vector<CheckedRow> rows;     // Worst first; ties in the order of the input.
  std::vector<CheckedRow> suspect;  // The same.
};

// What a profile makes of measurements. Groups for which it has no fit are left out and named in `unmatched`.
std::vector<CheckedGroup> check_rows(const Device& device, const KernelProfile& profile,
                                     std::span<const Measurement> rows, std::vector<std::string>& unmatched);

// Of the rows that `keep` wants: the model's errors and the roofline's.
struct ErrorPair {
  ErrorSummary model;
  ErrorSummary roofline;
};
ErrorPair errors_of(std::span<const CheckedRow> rows, const std::function<bool(const CheckedRow&)>& keep);

// Few tokens: up to 128 rows of a product, tokens of a layer or a sequence, as in decode.
bool is_small(const Measurement& row);

}  // namespace moesim
