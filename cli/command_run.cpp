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
#include "scenarios/trace_json.hpp"
#include "sim/trace.hpp"

namespace moesim {

namespace {

// Empty for no path and for standard output.
std::unique_ptr<OutputFile> output_file(const std::string& path) {
  return path.empty() || path == "-" ? nullptr : std::make_unique<OutputFile>(path);
}

}  // namespace

void run_command(const RunArguments& arguments) {
  const Scenario scenario = load_scenario(arguments.file, arguments.load);
  if (arguments.trace == "-") throw InputError("--trace", "", "\"-\"", "a path");
  // A path that cannot be written is told before the work, not after it.
  const auto json_file = output_file(arguments.json);
  const auto trace_file = output_file(arguments.trace);
  Trace trace;
  const RunResult result = run_scenario(scenario, {.trace = trace_file ? &trace : nullptr});

  // Both or neither: a name is only taken when everything has been written.
  {
    const DeferInterrupt until_written;
    if (trace_file) trace_file->write([&](std::ostream& out) { write_trace_json(trace, scenario.name, out); });
    if (json_file) json_file->write([&](std::ostream& out) { out << result_text(result); });
    if (trace_file) trace_file->commit();
    if (json_file) json_file->commit();
  }
  if (arguments.json == "-") {
    print(result_text(result));
  } else if (!arguments.quiet) {
    print(report_text(result, terminal_style()));
  }
}

void check_command(const RunArguments& arguments) {
  const Scenario scenario = load_scenario(arguments.file, arguments.load);
  write_json_and_text(
      arguments.json, arguments.quiet, [&] { return resolved_text(scenario); },
      [&] { return scenario_text(scenario, terminal_style()) + "ok\n"; });
}

}  // namespace moesim
