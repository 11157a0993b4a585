#include "cli/app.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/calibrate_options.hpp"
#include "cli/commands.hpp"
#include "cli/schedule_options.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/version.hpp"
#include "validate/published/published_rows.hpp"

namespace moesim {

namespace {

constexpr int kDone = 0;
constexpr int kOurBug = 1;
constexpr int kBadInput = 2;
constexpr int kCheckFailed = 3;

constexpr std::string_view kFirstSteps =
    R"(moesim {}: what a Mixture-of-Experts model costs on a cluster, before you own the cluster.

Try first, in the folder of the sources:

    moesim run scenarios/deepseek-v3-ep64.json

Then:

    moesim show model                 models that it knows      moesim show cluster    clusters
    moesim run FILE --json -          the result as JSON        moesim check FILE      is a scenario right?
    moesim run FILE --trace t.json    a timeline for ui.perfetto.dev
    moesim --help                     everything else
)";

// Everything that the command line can say.
struct CommandLine {
  RunArguments run;
  RunArguments check;
  LabArguments lab;
  ShowArguments show;
  ShowScheduleArguments show_schedule;
  ImportArguments import;
  CalibrateArguments calibrate;
  ValidateArguments validate;
  std::string schema;
  std::string seed;
};

void add_scenario_options(CLI::App& verb, RunArguments& arguments, std::string& seed) {
  verb.add_option("FILE", arguments.file, "a scenario; - is standard input")
      ->required()
      ->check(refuse_empty)
      ->type_name("");
  verb.add_option("--set", arguments.load.sets, "override a value: /json/pointer=value; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("POINTER=VALUE");
  verb.add_option("--seed", seed, "the seed of everything random, instead of the scenario's")->type_name("N");
  verb.add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone")
      ->check(refuse_empty)
      ->type_name("PATH");
  verb.add_flag("--quiet", arguments.quiet, "no text for people");
}

void add_show(CLI::App& app, CommandLine& line) {
  CLI::App* show = app.add_subcommand("show",
                                      "what moesim knows of a model, a GPU, a cluster, kernel times, a library of "
                                      "exchanges, a law of loss, a schedule");
  show->require_subcommand(1);
  for (const char* kind : {"model", "gpu", "cluster", "profile", "library", "law"}) {
    CLI::App* verb = show->add_subcommand(kind, fmt::format("a {}, or without NAME all of them", kind));
    CLI::Option* name = verb->add_option("NAME", line.show.name, "a name of the catalog, or the path of a card");
    name->type_name("");
    verb->add_option("--json", line.show.json, "write JSON to this path; - is standard output, alone")
        ->check(refuse_empty)
        ->type_name("PATH");
    if (std::string_view(kind) == "model") {
      verb->add_option("--context", line.show.context, "tokens of a sequence, for FLOPs and the cache")
          ->capture_default_str()
          ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40).description(""))
          ->type_name("N");
    }
    if (std::string_view(kind) == "cluster") {
      verb->add_option("--nodes", line.show.nodes, "as many nodes, instead of the card's")->needs(name)->type_name("N");
    }
  }
  add_show_schedule(*show, line.show_schedule);
}

void add_validate(CLI::App& app, ValidateArguments& arguments) {
  CLI::App* verb = app.add_subcommand("validate", "what moesim computes against published numbers, worst first");
  verb->require_subcommand(0, 1);
  verb->footer("Without a suite all of them run. Exit code 3 where errors are outside their band.");
  for (const Suite& suite : suites()) {
    const std::string name(suite.name);
    CLI::App* one = verb->add_subcommand(name, std::string(suite.help));
    one->parse_complete_callback([name, &arguments] { arguments.suite = name; });
    one->add_option("--only", arguments.only, "rows whose name, source, setup or group contains this")
        ->type_name("TEXT");
    one->add_option("--worst", arguments.worst, "rows shown, instead of all")->type_name("N");
    one->add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone")
        ->check(refuse_empty)
        ->type_name("PATH");
    if (suite.has_fit) {
      one->add_flag("--fit", arguments.fit, "find the libraries' fitted constants anew, and judge nothing");
    }
    one->add_flag("--quiet", arguments.quiet, "no text for people");
  }
}

void add_lab(CLI::App& app, LabArguments& arguments) {
  CLI::App* verb = app.add_subcommand("lab", "what a router does to quality and cost, in a file of the laboratory");
  verb->add_option("FILE", arguments.file, "a file of the laboratory; - is standard input")
      ->required()
      ->check(refuse_empty)
      ->type_name("");
  verb->add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone")
      ->check(refuse_empty)
      ->type_name("PATH");
  verb->add_option("--html", arguments.html, "write the figure to this path, a page that stands alone")
      ->check(refuse_empty)
      ->type_name("PATH");
  verb->add_flag("--quiet", arguments.quiet, "no text for people");
}

void add_import(CLI::App& app, ImportArguments& arguments) {
  CLI::App* import = app.add_subcommand("import", "make a card from another description");
  import->require_subcommand(1);
  CLI::App* hf = import->add_subcommand("hf", "a model, from a Hugging Face config.json");
  CLI::App* infragraph =
      import->add_subcommand("infragraph", "a cluster, from the JSON of an InfraGraph infrastructure");
  for (CLI::App* verb : {hf, infragraph}) {
    verb->add_option(verb == hf ? "CONFIG" : "FILE", arguments.config, "what to read; - is standard input")
        ->required()
        ->check(refuse_empty)
        ->type_name("");
    verb->add_option("-o,--output", arguments.output, "the card to write; - is standard output")
        ->required()
        ->check(refuse_empty)
        ->type_name("PATH");
    verb->add_option("--name", arguments.name, "the card's name, instead of the output's")->type_name("NAME");
  }
  infragraph->add_option("--like", arguments.like, "a cluster card, for its GPU, NVLink and NIC latencies")
      ->required()
      ->check(refuse_empty)
      ->type_name("NAME");
}

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* run = app.add_subcommand("run", "simulate one scenario");
  add_scenario_options(*run, line.run, line.seed);
  run->add_option("--trace", line.run.trace, "write a timeline to this path, for ui.perfetto.dev")
      ->check(refuse_empty)
      ->type_name("PATH");
  add_scenario_options(*app.add_subcommand("check", "parse and resolve a scenario; run nothing"), line.check,
                       line.seed);
  add_lab(app, line.lab);
  add_show(app, line);
  add_import(app, line.import);
  add_calibrate(app, line.calibrate);
  add_validate(app, line.validate);
  app.add_subcommand("schema", "print the JSON Schema of what a file may say")
      ->add_option("NAME", line.schema, fmt::format("one of {}", fmt::join(schema_names(), ", ")))
      ->required()
      ->type_name("");
}

// CLI11 takes a number that is too large for the largest that there is.
std::uint64_t parse_seed(const std::string& text) {
  std::int64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size() || seed < 0) {
    throw InputError("--seed", "N", "\"" + shorten_text(text) + "\"",
                     fmt::format("an integer from 0 to {}", INT64_MAX));
  }
  return static_cast<std::uint64_t>(seed);
}

void dispatch(const CLI::App& app, CommandLine& line) {
  for (RunArguments* arguments : {&line.run, &line.check}) {
    const char* verb = arguments == &line.run ? "run" : "check";
    if (!app.got_subcommand(verb)) continue;
    if (app.get_subcommand(verb)->count("--seed") > 0) arguments->load.seed = parse_seed(line.seed);
    return arguments == &line.run ? run_command(*arguments) : check_command(*arguments);
  }
  if (app.got_subcommand("calibrate")) return calibrate_command(*app.get_subcommand("calibrate"), line.calibrate);
  if (app.got_subcommand("validate")) return validate_command(line.validate);
  if (app.got_subcommand("lab")) return lab_command(line.lab);
  if (app.got_subcommand("schema")) return schema_command(line.schema);
  if (app.got_subcommand("import")) {
    const bool hf = app.get_subcommand("import")->got_subcommand("hf");
    return hf ? import_hf_command(line.import) : import_infragraph_command(line.import);
  }
  if (!app.got_subcommand("show")) return print(fmt::format(kFirstSteps, version()));
  const CLI::App* show = app.get_subcommand("show");
  if (show->got_subcommand("model")) return show_model_command(line.show);
  if (show->got_subcommand("gpu")) return show_gpu_command(line.show);
  if (show->got_subcommand("profile")) return show_profile_command(line.show);
  if (show->got_subcommand("library")) return show_library_command(line.show);
  if (show->got_subcommand("schedule")) return show_schedule_command(line.show_schedule);
  if (show->got_subcommand("law")) return show_law_command(line.show);
  show_cluster_command(line.show);
}

// CLI11 calls a verb that it does not know "an argument that was not expected".
void refuse_unknown_verb(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const auto verbs = at->get_subcommands({});
    if (verbs.empty()) return;
    std::vector<std::string> names;
    for (const CLI::App* verb : verbs) names.push_back(verb->get_name());
    const auto found = std::find(names.begin(), names.end(), argv[i]);
    if (found == names.end()) {
      const auto nearest = nearest_name(argv[i], std::vector<std::string_view>(names.begin(), names.end()));
      throw InputError(fmt::format("{} knows no \"{}\"; it knows {}{}", at->get_name(), shorten_text(argv[i]),
                                   fmt::join(names, ", "),
                                   nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : ""));
    }
    at = verbs[static_cast<std::size_t>(found - names.begin())];
  }
}

int parse_and_run(int argc, char** argv) {
  CommandLine line;
  CLI::App app("What a Mixture-of-Experts model costs on a cluster.", "moesim");
  app.set_version_flag("--version", fmt::format("moesim {}", version()));
  app.require_subcommand(0, 1);
  app.footer(
      "Exit codes: 0 done, 1 a bug of moesim, 2 bad input, 3 a check outside its band, 128 + n stopped by signal n.");
  add_verbs(app, line);
  refuse_unknown_verb(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      std::ostringstream text;
      app.exit(error, text, text);
      print(text.str());
      return kDone;
    }
    throw InputError(std::string(error.what()) + "\nmoesim --help says what there is");
  }
  dispatch(app, line);
  return kDone;
}

void complain(const std::string& message) {
  const std::string text = "moesim: " + message + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

int run_program(int argc, char** argv) {
  set_up_signals();
  try {
    return parse_and_run(argc, argv);
  } catch (const ReaderGone&) {
    return kDone;
  } catch (const InputError& error) {
    complain(error.what());
    return kBadInput;
  } catch (const CheckFailed& failure) {
    complain(failure.what());
    return kCheckFailed;
  } catch (const std::bad_alloc&) {
    complain("out of memory: this scenario needs more than this machine has");
    return kBadInput;
  } catch (const std::exception& error) {
    complain(fmt::format("this is a bug of moesim, please report it: {}", error.what()));
    return kOurBug;
  }
}

}  // namespace moesim
