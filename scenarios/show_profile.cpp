#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

std::string error_cell(const KernelFit& fit, double FitRecord::*error) {
  if (!fit.record || fit.record->rows_held_out == 0) return "-";
  return fmt::format("{:.1f} %", 100 * (*fit.record).*error);
}

std::string fit_text(const KernelFit& fit, const ReportStyle& style) {
  std::string text = "\n" + bold(fmt::format("{} {}, {}", fit.family, fit.precision, fit.library), style) + "\n";
  if (fit.record) {
    text += fmt::format("  {} rows fitted, {} held out by {}: error {}, plain roofline {}\n", fit.record->rows_fitted,
                        fit.record->rows_held_out, fit.record->split_by, error_cell(fit, &FitRecord::error_held_out),
                        error_cell(fit, &FitRecord::roofline_held_out));
  }
  for (const ConstantInfo& info : kernel_family(fit.family)->constants) {
    text += fmt::format("  {:<28}{:>12.5g}   {}\n", info.name, fit.constant(info.name), info.meaning);
  }
  return text;
}

std::string profile_text(const KernelProfile& profile, const ReportStyle& style) {
  std::string text = bold(fmt::format("{}: kernel times on {}", profile.name, profile.gpu), style) + "\n  " +
                     wrap(profile.origin, 94, 2) + "\n";
  for (const KernelFit& fit : profile.fits) text += fit_text(fit, style);
  return text;
}

std::string profile_list_text(const ReportStyle& style) {
  std::string text = bold(fmt::format("{:<8}{:<8}{:<26}{:<12}{:<28}{:>10}{:>10}", "name", "gpu", "family", "precision",
                                      "library", "held out", "roofline"),
                          style) +
                     "\n";
  for (const std::string_view name : kernel_profile_names()) {
    const KernelProfile profile = catalog_kernel_profile(name);
    for (const KernelFit& fit : profile.fits) {
      text += fmt::format("{:<8}{:<8}{:<26}{:<12}{:<28}{:>10}{:>10}\n", name, profile.gpu, fit.family, fit.precision,
                          fit.library, error_cell(fit, &FitRecord::error_held_out),
                          error_cell(fit, &FitRecord::roofline_held_out));
    }
  }
  return text;
}

}  // namespace

CardReport show_profile(const std::string& name) {
  const KernelProfile profile = read_named_profile(name, "show profile", "NAME");
  return {[profile] { return kernel_profile_text(profile); },
          [profile](const ReportStyle& style) { return profile_text(profile, style); }};
}

CardReport show_profiles() {
  return {[] {
            ordered_json all = ordered_json::object();
            for (const std::string_view name : kernel_profile_names()) {
              all[std::string(name)] = kernel_profile_json(catalog_kernel_profile(name));
            }
            return pretty_json(all);
          },
          [](const ReportStyle& style) { return profile_list_text(style); }};
}

}  // namespace moesim
