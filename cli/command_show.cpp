#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "cli/terminal.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

namespace {

std::vector<std::string> inputs(const ShowArguments& arguments) {
  return is_card_path(arguments.name) ? std::vector<std::string>{arguments.name} : std::vector<std::string>();
}

}  // namespace

void show_model_command(const ShowArguments& arguments) {
  const CardReport report =
      arguments.name.empty() ? show_models(arguments.context) : show_model(arguments.name, arguments.context);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

void show_gpu_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_gpus() : show_gpu(arguments.name);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

void show_profile_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_profiles() : show_profile(arguments.name);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

void show_library_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_libraries() : show_library(arguments.name);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

void show_law_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_laws() : show_law(arguments.name);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

void show_cluster_command(const ShowArguments& arguments) {
  const CardReport report = arguments.name.empty() ? show_clusters() : show_cluster(arguments.name, arguments.nodes);
  write_json_and_text(
      arguments.json, false, report.json, [&] { return report.text(terminal_style()); }, inputs(arguments));
}

}  // namespace moesim
