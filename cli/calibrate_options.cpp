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

CLI::Option* add_files(CLI::App& verb, std::vector<std::string>& files) {
  return verb.add_option("FILE", files, "measurements, as calibrate import writes them; - is standard input")
      ->required()
      ->check(refuse_empty)
      ->type_name("");
}

void add_fit(CLI::App& calibrate, CalibrateFitArguments& arguments) {
  CLI::App* verb = calibrate.add_subcommand("fit", "find a GPU's kernel constants, and say how wrong they are");
  add_files(*verb, arguments.files);
  verb->add_option("--gpu", arguments.gpu, "the card of the GPU that was measured, a name or a path")
      ->required()
      ->check(refuse_empty)
      ->type_name("CARD");
  verb->add_option("-o,--output", arguments.output, "the profile to write; - is standard output")
      ->required()
      ->check(refuse_empty)
      ->type_name("PATH");
  verb->add_option("--name", arguments.name, "the profile's name, instead of the GPU's")->type_name("NAME");
  verb->add_option("--seed", arguments.seed, "of the split into fitted and held-out shapes")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53).description(""))
      ->type_name("N");
  verb->add_option("--held-out", arguments.held_out, "share of the shapes that is kept for judging")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9).description(""))
      ->type_name("SHARE");
  verb->add_flag("--quiet", arguments.quiet, "no text for people");
}

void add_check(CLI::App& calibrate, CalibrateCheckArguments& arguments) {
  CLI::App* verb = calibrate.add_subcommand("check", "kernel times of a profile against measured ones, worst first");
  verb->add_option("PROFILE", arguments.profile, "a profile, a name of the catalog or a path")
      ->required()
      ->check(refuse_empty)
      ->type_name("");
  add_files(*verb, arguments.files);
  verb->add_option("--gpu", arguments.gpu, "the GPU's card, instead of the one that the profile names")
      ->check(refuse_empty)
      ->type_name("CARD");
  verb->add_option("--band", arguments.band_percent, "the largest mean error that passes, instead of each family's")
      ->check(CLI::Range(0.001, 1e6).description(""))
      ->type_name("PERCENT");
  verb->add_option("--worst", arguments.worst, "rows shown of each fit")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description(""))
      ->type_name("N");
  verb->add_flag("--all", arguments.all_rows, "judge by all rows, not only by those that the fit never saw");
  verb->add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone")
      ->check(refuse_empty)
      ->type_name("PATH");
  verb->add_flag("--quiet", arguments.quiet, "no text for people");
  verb->footer("Exit code 3 where a mean error is outside its band.");
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
  add_fit(*calibrate, arguments.fit);
  add_check(*calibrate, arguments.check);
}

void calibrate_command(const CLI::App& verb, CalibrateArguments& arguments) {
  if (verb.got_subcommand("fit")) return calibrate_fit_command(arguments.fit);
  if (verb.got_subcommand("check")) return calibrate_check_command(arguments.check);
  arguments.import.options.columns = pairs("--map", arguments.import_maps);
  arguments.import.options.values = pairs("--set", arguments.import_sets);
  calibrate_import_command(arguments.import);
}

}  // namespace moesim
