#include <cstdio>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "scenarios/output_file.hpp"
#include "scenarios/report_text.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/run.hpp"
#include "scenarios/scenario_checks.hpp"
#include "scenarios/text_file.hpp"
#include "scenarios/trace_json.hpp"
#include "sim/check.hpp"
#include "sim/trace.hpp"

namespace moesim {

namespace {

// Empty for no path and for standard output.
std::unique_ptr<OutputFile> output_file(const std::string& path, const Scenario& scenario) {
  return path.empty() || path == "-" ? nullptr : std::make_unique<OutputFile>(path, scenario.input_files);
}

RunResult simulate(const Scenario& scenario, const std::string& file, Trace* trace) {
  try {
    return run_scenario(scenario, {.trace = trace});
  } catch (const TimeRangeError&) {
    throw InputError(place_name(file), "", "a scenario whose simulated time is over 106 days",
                     "faster links and devices, or less work");
  }
}

}  // namespace

void run_command(const RunArguments& arguments) {
  const Scenario scenario = load_scenario(arguments.file, arguments.load);
  if (arguments.trace == "-") throw InputError("--trace", "", "\"-\"", "a path");
  // A path that cannot be written is told before the work, not after it.
  const auto json_file = output_file(arguments.json, scenario);
  const auto trace_file = output_file(arguments.trace, scenario);
  if (json_file && trace_file) trace_file->must_differ_from(*json_file);
  if (!arguments.quiet) {
    const std::string notice = long_run_notice(scenario);
    std::fwrite(notice.data(), 1, notice.size(), stderr);
  }
  Trace trace;
  const RunResult result = simulate(scenario, arguments.file, trace_file ? &trace : nullptr);
  const bool json_alone = arguments.json == "-";
  const std::string json = arguments.json.empty() ? "" : result_text(result);
  const std::string page = json_alone ? json : arguments.quiet ? "" : report_text(result, terminal_style());
  if (!json_file && !trace_file) return print(page);
  const DeferInterrupt until_written;
  if (trace_file) trace_file->write([&](std::ostream& out) { write_trace_json(trace, scenario.name, out); });
  if (json_file) json_file->write([&](std::ostream& out) { out << json; });
  print_then_commit(page, {trace_file.get(), json_file.get()});
}

void check_command(const RunArguments& arguments) {
  const Scenario scenario = load_scenario(arguments.file, arguments.load);
  write_json_and_text(
      arguments.json, arguments.quiet, [&] { return resolved_text(scenario); },
      [&] { return scenario_text(scenario, terminal_style()) + "ok\n"; }, scenario.input_files);
}

}  // namespace moesim
