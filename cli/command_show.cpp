#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

void show_model_command(const ShowArguments& arguments) {
  const CardReport report =
      arguments.name.empty() ? show_models(arguments.context) : show_model(arguments.name, arguments.context);
  write_json_and_text(arguments.json, false, report.json, [&] { return report.text(terminal_style()); });
}

void show_gpu_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_gpus() : show_gpu(arguments.name);
  write_json_and_text(arguments.json, false, report.json, [&] { return report.text(terminal_style()); });
}

void show_cluster_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_clusters() : show_cluster(arguments.name);
  write_json_and_text(arguments.json, false, report.json, [&] { return report.text(terminal_style()); });
}

}  // namespace moesim
