#include "cli/app.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <exception>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/version.hpp"

namespace moesim {

namespace {

constexpr int kDone = 0;
constexpr int kOurBug = 1;
constexpr int kBadInput = 2;

constexpr std::string_view kFirstSteps = R"(moesim {}: what a Mixture-of-Experts model costs on a cluster, before you own the cluster.

Try first, in the folder of the sources:

    moesim run scenarios/deepseek-v3-h800.json

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
  ShowArguments show;
  ImportArguments import;
  std::string schema;
  std::int64_t seed = 1;
};

void add_scenario_options(CLI::App& verb, RunArguments& arguments, std::int64_t& seed) {
  verb.add_option("FILE", arguments.file, "a scenario; - is standard input")->required();
  verb.add_option("--set", arguments.load.sets, "override a value: /json/pointer=value; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  verb.add_option("--seed", seed, "the seed of everything random, instead of the scenario's")
      ->check(CLI::Range(std::int64_t{0}, INT64_MAX));
  verb.add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone");
  verb.add_flag("--quiet", arguments.quiet, "no text for people");
}

void add_show(CLI::App& app, CommandLine& line) {
  CLI::App* show = app.add_subcommand("show", "what the catalog knows of a model, a GPU or a cluster");
  show->require_subcommand(1);
  for (const char* kind : {"model", "gpu", "cluster"}) {
    CLI::App* verb = show->add_subcommand(kind, fmt::format("a {}, or without NAME all of them", kind));
    verb->add_option("NAME", line.show.name, "a name of the catalog, or the path of a card");
    verb->add_option("--json", line.show.json, "write JSON to this path; - is standard output, alone");
    if (std::string_view(kind) == "model") {
      verb->add_option("--context", line.show.context, "tokens of a sequence, for FLOPs and the cache", true)
          ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
    }
  }
  show->get_subcommand("model")->callback([&line] { show_model_command(line.show); });
  show->get_subcommand("gpu")->callback([&line] { show_gpu_command(line.show); });
  show->get_subcommand("cluster")->callback([&line] { show_cluster_command(line.show); });
}
