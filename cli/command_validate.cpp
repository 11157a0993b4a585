#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "validate/network/network_suite.hpp"

namespace moesim {
namespace {

void print_fit(const std::string& only) {
  std::string text = fmt::format("{:<28}{:>6}  {:<26}{:>12}{:>12}\n", "library", "rows", "constant", "card", "fitted");
  for (const RefittedLibrary& library : refit_libraries(only)) {
    for (const RefittedConstant& constant : library.constants) {
      text += fmt::format("{:<28}{:>6}  {:<26}{:>12.4g}{:>12.4g}\n", library.name, library.rows, constant.name,
                          constant.card, constant.fitted);
    }
  }
  print(text);
}

void show_progress(std::size_t done, std::size_t rows) {
  fmt::print(stderr, "\r\033[K");
  if (done < rows) fmt::print(stderr, "moesim: row {} of {}", done, rows);
  std::fflush(stderr);
}

}  // namespace

void validate_network_command(const ValidateArguments& arguments) {
  if (arguments.fit) {
    if (!arguments.json.empty()) throw InputError("--fit: found it beside --json, expected one of both");
    return print_fit(arguments.only);
  }
  const bool progress = !arguments.quiet && isatty(STDERR_FILENO) == 1;
  const NetworkSuite suite = run_network_suite(arguments.only, progress ? show_progress : SuiteProgress{});
  if (suite.rows.empty()) throw InputError("--only", "", "\"" + arguments.only + "\"", "part of a row's name");
  write_json_and_text(
      arguments.json, arguments.quiet, [&] { return suite.json(); },
      [&] { return suite.text(terminal_style(), arguments.worst); });
  if (!suite.passes().value_or(true)) throw CheckFailed("network: errors are outside the band");
}

}  // namespace moesim
