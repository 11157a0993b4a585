#include <cstdio>
#include <filesystem>
#include <string>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "scenarios/import_hf.hpp"
#include "scenarios/infragraph_import.hpp"

namespace moesim {

namespace {

std::string card_name(const ImportArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  return std::filesystem::path(arguments.output == "-" ? arguments.config : arguments.output).stem();
}

void write_card(const ImportArguments& arguments, const ImportedCard& imported) {
  write_document(arguments.output, imported.card, {arguments.config});
  for (const Caveat& caveat : imported.caveats) {
    const std::string line = "moesim: " + caveat.key + ": " + caveat.text + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

}  // namespace

void import_hf_command(const ImportArguments& arguments) {
  write_card(arguments, import_hf_file(arguments.config, card_name(arguments)));
}

void import_infragraph_command(const ImportArguments& arguments) {
  write_card(arguments, import_infragraph_file(arguments.config, arguments.like, card_name(arguments)));
}

}  // namespace moesim
