#include <cstdio>
#include <filesystem>
#include <string>

#include "cli/commands.hpp"
#include "cli/document.hpp"
#include "scenarios/import_hf.hpp"

namespace moesim {

void import_hf_command(const ImportArguments& arguments) {
  std::string name = arguments.name;
  if (name.empty()) name = std::filesystem::path(arguments.output == "-" ? arguments.config : arguments.output).stem();
  const ImportedCard imported = import_hf_file(arguments.config, name);
  write_document(arguments.output, imported.card, {arguments.config});
  for (const Caveat& caveat : imported.caveats) {
    const std::string line = "moesim: " + caveat.key + ": " + caveat.text + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

}  // namespace moesim
