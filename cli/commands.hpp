#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario_json.hpp"
#include "validate/import/import.hpp"

namespace moesim {

// What each verb was asked for on the command line, and what it does. Mistakes of the user are InputErrors; nothing
// has been written by then.

struct RunArguments {
  std::string file;
  LoadOptions load;
  std::string json;   // A path, "-" for standard output, or empty.
  std::string trace;  // A path, or empty.
  bool quiet = false;
};
void run_command(const RunArguments& arguments);
void check_command(const RunArguments& arguments);  // `trace` is not asked for.

struct ShowArguments {
  std::string name;  // Empty: the whole catalog.
  std::string json;
  std::int64_t context = 4096;  // Tokens of a sequence, for a model's FLOPs.
};
void show_model_command(const ShowArguments& arguments);
void show_gpu_command(const ShowArguments& arguments);
void show_cluster_command(const ShowArguments& arguments);

struct ImportArguments {
  std::string config;
  std::string output;  // A path, or "-".
  std::string name;    // The card's name; empty: from the file.
};
void import_hf_command(const ImportArguments& arguments);

struct CalibrateImportArguments {
  std::vector<std::string> files;
  std::string output;  // A path, or "-".
  ImportOptions options;
  bool quiet = false;
};
void calibrate_import_command(const CalibrateImportArguments& arguments);

void schema_command(const std::string& name);

}  // namespace moesim
