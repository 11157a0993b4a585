#include "cli/schedule_options.hpp"

#include <cmath>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/calibrate_options.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"

namespace moesim {

namespace {

constexpr double kMostUs = 1e9;

const CLI::Validator kTime(
    [](std::string& text) {
      double time = 0;
      const bool number = CLI::detail::lexical_cast(text, time);
      if (number && std::isfinite(time) && time >= 0 && time <= kMostUs) return std::string();
      return fmt::format("found {}, expected a time of 0 to {:g} us", text, kMostUs);
    },
    "");

}  // namespace

void add_show_schedule(CLI::App& show, ShowScheduleArguments& arguments) {
  ScheduleQuestion& question = arguments.question;
  CLI::App* verb =
      show.add_subcommand("schedule", "a pipeline schedule as a picture, or without NAME all side by side");
  verb->footer("Times are of one micro-batch in a rank's share of the layers, in us; any unit does for the picture.");
  verb->add_option("NAME", question.name, "gpipe, 1f1b, interleaved, zb_h1, zb_v, dualpipe, dualpipe_v")->type_name("");
  const CLI::Range size = CLI::Range(1, 1 << 20);
  verb->add_option("--ranks", question.ranks, "of the pipeline")->capture_default_str()->check(size)->type_name("N");
  verb->add_option("--micro-batches", question.micro_batches, "of a step")
      ->capture_default_str()
      ->check(size)
      ->type_name("N");
  verb->add_option("--chunks", question.chunks, "that a rank has, of interleaved; 2 without it")
      ->check(size)
      ->type_name("N");
  verb->add_option("--forward", question.forward_us, "a forward")->capture_default_str()->check(kTime)->type_name("US");
  verb->add_option("--backward", question.backward_us, "a backward, both gradients")
      ->capture_default_str()
      ->check(kTime)
      ->type_name("US");
  verb->add_option("--weight", question.weight_us, "the weight gradient's part of the backward; half without it")
      ->check(kTime)
      ->type_name("US");
  verb->add_option("--pair", question.pair_us, "DualPipe's overlapped forward and backward; their sum without it")
      ->check(kTime)
      ->type_name("US");
  verb->add_option("--hand-over", question.hand_over_us, "from one rank to the next")
      ->capture_default_str()
      ->check(kTime)
      ->type_name("US");
  verb->add_option("--json", arguments.json, "write JSON to this path; - is standard output, alone")
      ->check(refuse_empty)
      ->type_name("PATH");
}

void show_schedule_command(const ShowScheduleArguments& arguments) {
  const CardReport report = show_schedule(arguments.question);
  write_json_and_text(arguments.json, false, report.json, [&] { return report.text(terminal_style()); });
}

}  // namespace moesim
