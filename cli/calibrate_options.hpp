#pragma once

#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace CLI {
class App;
}

namespace moesim {

// What `moesim calibrate ...` was asked for, as it stands on the command line.
struct CalibrateArguments {
  CalibrateImportArguments import;
  std::vector<std::string> import_maps;  // "column=their_column"
  std::vector<std::string> import_sets;  // "column=value"
  CalibrateFitArguments fit;
  CalibrateCheckArguments check;
};

void add_calibrate(CLI::App& app, CalibrateArguments& arguments);
void calibrate_command(const CLI::App& verb, CalibrateArguments& arguments);

// Refuses an empty path: a variable of a script that was not set.
std::string refuse_empty(const std::string& path);

}  // namespace moesim
