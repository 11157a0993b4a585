#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/text_file.hpp"
#include "validate/calibrate.hpp"
#include "validate/calibrate_report.hpp"
#include "validate/measurement_csv.hpp"

namespace moesim {
namespace {

// The rows of all files, where they come from, and what they were measured on.
struct Inputs {
  std::vector<Measurement> rows;
  std::string origin;
  std::vector<std::string> devices;
};

Inputs read_inputs(const std::vector<std::string>& files) {
  Inputs inputs;
  for (const std::string& file : files) {
    MeasurementSet set = read_measurements(file);
    inputs.rows.insert(inputs.rows.end(), set.rows.begin(), set.rows.end());
    const auto source = set.about.find("source");
    const bool told = source != set.about.end() && !source->second.empty();
    const std::string origin = told ? source->second : place_name(file);
    if (!inputs.origin.empty()) inputs.origin += "; ";
    inputs.origin += origin;
    for (const auto& [key, value] : set.about) {
      if (is_plain_text(value)) continue;
      throw InputError(fmt::format("{}: # {}: found {}, expected plain text", place_name(file), shorten_text(key),
                                   shorten_text(value)));
    }
    const auto on = set.about.find("device");
    if (on == set.about.end() || on->second.empty()) continue;
    if (std::find(inputs.devices.begin(), inputs.devices.end(), on->second) == inputs.devices.end()) {
      inputs.devices.push_back(on->second);
    }
  }
  return inputs;
}

GpuCard read_gpu(const std::string& name) { return read_named_gpu(name, "--gpu", "CARD"); }

std::vector<std::string> with_card(std::vector<std::string> files, const std::string& card) {
  if (is_card_path(card)) files.push_back(card);
  return files;
}

}  // namespace

void calibrate_fit_command(const CalibrateFitArguments& arguments) {
  if (!(arguments.held_out >= 0 && arguments.held_out <= 0.9)) {  // CLI11's range lets nan pass.
    throw InputError("--held-out: found no number, expected one from 0 to 0.9");
  }
  if (!is_plain_text(arguments.name)) {
    throw InputError(fmt::format("--name: found {}, expected plain text", shorten_text(arguments.name)));
  }
  const GpuCard gpu = read_gpu(arguments.gpu);
  const Inputs inputs = read_inputs(arguments.files);
  const bool progress = !arguments.quiet && isatty(STDERR_FILENO) == 1;
  FitSettings settings{.seed = arguments.seed, .held_out_fraction = arguments.held_out, .progress = {}};
  if (progress) {
    settings.progress = [](const RowGroup& group, int iteration, double) {
      fmt::print(stderr, "\r\033[Kmoesim: {} {} of {}: round {}", group.fitter->family(), group.precision,
                 group.library, iteration + 1);
      std::fflush(stderr);
    };
  }
  KernelProfile profile{
      .name = arguments.name.empty() ? gpu.name : arguments.name, .gpu = gpu.name, .origin = inputs.origin, .fits = {}};
  std::vector<std::string> notes = uncovered_rows(inputs.rows);
  if (!inputs.devices.empty() && inputs.devices != std::vector{gpu.name}) {
    profile.origin =
        fmt::format("measured on {}, taken for {}: {}", fmt::join(inputs.devices, " and "), gpu.name, inputs.origin);
  }
  for (const RowGroup& group : group_rows(inputs.rows)) {
    auto fit = fit_group(device(gpu), group, settings, notes);
    if (!fit) continue;
    const double error = fit->record->rows_held_out > 0 ? fit->record->error_held_out : fit->record->error_fitted;
    if (error > group.fitter->band()) {
      notes.push_back(fmt::format("{} {} of {}: {:.1f} % off, outside the band of {:.0f} %", fit->family,
                                  fit->precision, fit->library, 100 * error, 100 * group.fitter->band()));
    }
    profile.fits.push_back(std::move(*fit));
  }
  if (progress) fmt::print(stderr, "\r\033[K");
  for (const std::string& note : notes) fmt::print(stderr, "moesim: {}\n", note);
  if (profile.fits.empty()) {
    throw InputError(
        fmt::format("{}: found {} rows, none of them of a kernel that is fitted; expected gemm, "
                    "grouped_gemm, moe or attention rows",
                    fmt::join(arguments.files, ", "), inputs.rows.size()));
  }
  write_document(arguments.output, kernel_profile_text(profile), with_card(arguments.files, arguments.gpu));
  if (!arguments.quiet && arguments.output != "-") print(fit_text(profile, terminal_style()));
}

void calibrate_check_command(const CalibrateCheckArguments& arguments) {
  if (!(arguments.band_percent >= 0)) throw InputError("--band: found no number, expected a percentage");
  const KernelProfile profile = read_named_profile(arguments.profile, "calibrate check", "PROFILE");
  const GpuCard gpu = read_gpu(arguments.gpu.empty() ? profile.gpu : arguments.gpu);
  const Inputs inputs = read_inputs(arguments.files);
  CheckReport report{.profile = profile.name, .groups = {}, .unmatched = {}, .options = {}};
  report.options = {.judged = arguments.all_rows ? JudgedRows::all : JudgedRows::held_out,
                    .band = arguments.band_percent / 100,
                    .worst = arguments.worst};
  report.unmatched = uncovered_rows(inputs.rows);
  report.groups = check_rows(device(gpu), profile, inputs.rows, report.unmatched);
  if (report.groups.empty()) {
    throw InputError(fmt::format("{}: found {} rows, none of them of a kernel that profile {} has a fit for; {}",
                                 fmt::join(arguments.files, ", "), inputs.rows.size(), profile.name,
                                 fmt::join(report.unmatched, ", ")));
  }
  if (report.judged_rows() == 0) {
    throw InputError(
        fmt::format("{}: found rows of shapes that profile {} was fitted on and no others, expected some "
                    "that it never saw; --all judges by all",
                    fmt::join(arguments.files, ", "), profile.name));
  }
  write_json_and_text(
      arguments.json, arguments.quiet, [&] { return report.json(); }, [&] { return report.text(terminal_style()); },
      with_card(with_card(arguments.files, arguments.gpu), arguments.profile));
  if (!report.passes()) throw CheckFailed("a mean error is outside its band");
}

}  // namespace moesim
