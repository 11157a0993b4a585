#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "scenarios/schema.hpp"

namespace moesim {

void schema_command(const std::string& name) { print(schema_text(name)); }

}  // namespace moesim
