#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/lab/lab_run.hpp"
#include "scenarios/output_file.hpp"

namespace moesim {

void lab_command(const LabArguments& arguments) {
  if (arguments.html == "-") throw InputError("--html", "", "\"-\"", "a path");
  const LabFile file = load_lab_file(arguments.file);
  const auto open = [&](const std::string& path) {
    return path.empty() || path == "-" ? nullptr : std::make_unique<OutputFile>(path, file.input_files);
  };
  // A path that cannot be written is told before the work, not after it.
  const auto json = open(arguments.json);
  const auto page = open(arguments.html);
  if (json && page) page->must_differ_from(*json);
  const LabReport report = run_lab_file(file, terminal_style());
  const bool json_alone = arguments.json == "-";
  const std::string text = json_alone ? pretty_json(report.json) : arguments.quiet ? "" : report.text;
  if (!json && !page) return print(text);
  const DeferInterrupt until_written;
  if (json) json->write([&](std::ostream& out) { out << pretty_json(report.json); });
  if (page) page->write([&](std::ostream& out) { out << report.page; });
  print_then_commit(text, {json.get(), page.get()});
}

}  // namespace moesim
