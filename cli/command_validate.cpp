#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "validate/published/suite.hpp"

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

void validate_command(const ValidateArguments& arguments) {
  if (arguments.fit) {
    if (!arguments.json.empty()) throw InputError("--fit: found it beside --json, expected one of both");
    return print_fit(arguments.only);
  }
  const bool progress = !arguments.quiet && isatty(STDERR_FILENO) == 1;
  std::string failed;
  for (const Suite& suite : suites()) {
    if (!arguments.suite.empty() && arguments.suite != suite.name) continue;
    const SuiteResult result = run_suite(suite, arguments.only, progress ? show_progress : SuiteProgress{});
    if (result.rows.empty()) throw InputError("--only", "", "\"" + arguments.only + "\"", "part of a row's name");
    write_json_and_text(
        arguments.json, arguments.quiet, [&] { return result.json(); },
        [&] { return result.text(terminal_style(), arguments.worst); });
    if (!result.passes().value_or(true)) failed += (failed.empty() ? "" : ", ") + std::string(suite.name);
  }
  if (!failed.empty()) throw CheckFailed(failed + ": errors are outside the band");
}

}  // namespace moesim
