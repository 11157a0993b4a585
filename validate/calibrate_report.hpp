#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_profile.hpp"
#include "scenarios/text_table.hpp"
#include "validate/calibrate.hpp"

namespace moesim {

// What a fit found, a line for each family, library and precision.
std::string fit_text(const KernelProfile& profile, const ReportStyle& style);

// Which rows a check judges by: those that the fit never saw, or all.
enum class JudgedRows { held_out, all };

struct CheckOptions {
  JudgedRows judged = JudgedRows::held_out;
  double band = 0;         // Largest mean error that passes; 0: each family's own.
  std::size_t worst = 10;  // Rows shown of each fit, worst first.
};

// A check of one profile against measured rows.
struct CheckReport {
  std::string profile;
  std::vector<CheckedGroup> groups;
  std::vector<std::string> unmatched;  // Rows that the profile has no fit for.
  CheckOptions options;

  std::size_t judged_rows() const;  // Of all groups; without any, passes() says nothing.
  bool passes() const;
  std::string text(const ReportStyle& style) const;
  std::string json() const;  // Every row, worst first.
};

}  // namespace moesim
