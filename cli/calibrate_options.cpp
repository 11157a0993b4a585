#include "cli/calibrate_options.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {
namespace {

void add_import(CLI::App& calibrate, CalibrateArguments& arguments) {
  ImportOptions& options = arguments.import.options;
  std::vector<std::string> formats;
  for (const ImportFormatInfo& format : import_formats())
    formats.push_back(fmt::format("{} ({})", format.name, format.what));
  CLI::App* verb = calibrate.add_subcommand("import", "make one table of measurements from files of other programs");
  verb->footer(fmt::format("Formats:\n  {}", fmt::join(formats, "\n  ")));
  verb->add_option("FILE", arguments.import.files, "what to read; - is standard input")
      ->required()
      ->check(refuse_empty)
      ->type_name("");
  verb->add_option("-o,--output", arguments.import.output, "the table to write; - is standard output")
      ->required()
      ->check(refuse_empty)
      ->type_name("PATH");
  verb->add_option("--format", options.format, "the form of the files, instead of by content")->type_name("NAME");
  verb->add_option("--library", options.library, "what ran the kernels, for all rows")->type_name("NAME");
  verb->add_option("--device", options.device, "the device, instead of what the files say")->type_name("NAME");
  for (const auto& [flag, texts, what, form] :
       {std::tuple{"--map", &arguments.import_maps, "csv: a column by their name; may be repeated", "COLUMN=THEIRS"},
        {"--set", &arguments.import_sets, "a column that is blank; may be repeated", "COLUMN=VALUE"}}) {
    verb->add_option(flag, *texts, what)->take_all()->allow_extra_args(false)->type_name(form);
  }
  verb->add_option("--unit", options.unit, "csv: of the times: us, ms or s; us without it")->type_name("U");
  verb->add_flag("--quiet", arguments.import.quiet, "no text for people");
}

std::map<std::string, std::string> pairs(const char* flag, const std::vector<std::string>& texts) {
  std::map<std::string, std::string> result;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      throw InputError(fmt::format("{} {}: without a =; write it as {} column=value", flag, shorten_text(text), flag));
    }
    if (!result.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      throw InputError(fmt::format("{} {}: twice", flag, shorten_text(text.substr(0, equals))));
    }
  }
  return result;
}

}  // namespace

std::string refuse_empty(const std::string& path) { return path.empty() ? "an empty path" : ""; }

void add_calibrate(CLI::App& app, CalibrateArguments& arguments) {
  CLI::App* calibrate = app.add_subcommand("calibrate", "fit kernel times to measurements");
  calibrate->require_subcommand(1);
  add_import(*calibrate, arguments);
}

void calibrate_command(const CLI::App& verb, CalibrateArguments& arguments) {
  if (!verb.got_subcommand("import")) return;
  arguments.import.options.columns = pairs("--map", arguments.import_maps);
  arguments.import.options.values = pairs("--set", arguments.import_sets);
  calibrate_import_command(arguments.import);
}

}  // namespace moesim
