#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
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

struct LabArguments {
  std::string file;
  std::string json;
  std::string html;  // A path, or empty.
  bool quiet = false;
};
void lab_command(const LabArguments& arguments);

struct ShowArguments {
  std::string name;  // Empty: the whole catalog.
  std::string json;
  std::int64_t context = 4096;        // Tokens of a sequence, for a model's FLOPs.
  std::optional<std::int64_t> nodes;  // Of a cluster; the card's own if there are none.
};
void show_model_command(const ShowArguments& arguments);
void show_gpu_command(const ShowArguments& arguments);
void show_cluster_command(const ShowArguments& arguments);
void show_profile_command(const ShowArguments& arguments);
void show_library_command(const ShowArguments& arguments);
void show_law_command(const ShowArguments& arguments);

struct ImportArguments {
  std::string config;
  std::string output;  // A path, or "-".
  std::string name;    // The card's name; empty: from the file.
  std::string like;    // infragraph: the cluster card that stands for what it does not say.
};
void import_hf_command(const ImportArguments& arguments);
void import_infragraph_command(const ImportArguments& arguments);

struct CalibrateImportArguments {
  std::vector<std::string> files;
  std::string output;  // A path, or "-".
  ImportOptions options;
  bool quiet = false;
};
void calibrate_import_command(const CalibrateImportArguments& arguments);

struct CalibrateFitArguments {
  std::vector<std::string> files;  // Measurements.
  std::string gpu;                 // A card.
  std::string output;              // A path, or "-".
  std::string name;                // The profile's; empty: the GPU's.
  std::uint64_t seed = 1;
  double held_out = 0.3;
  bool quiet = false;
};
void calibrate_fit_command(const CalibrateFitArguments& arguments);

struct CalibrateCheckArguments {
  std::string profile;
  std::vector<std::string> files;
  std::string gpu;  // A card; empty: the profile's.
  std::string json;
  double band_percent = 0;  // 0: each family's own.
  std::size_t worst = 3;
  bool all_rows = false;
  bool quiet = false;
};
void calibrate_check_command(const CalibrateCheckArguments& arguments);

struct ValidateArguments {
  std::string suite;  // Empty: all of them.
  std::string json;
  std::string only;  // Rows whose file, id, setup, source or library contains it.
  std::size_t worst = std::numeric_limits<std::size_t>::max();  // Rows shown.
  bool fit = false;
  bool quiet = false;
};
void validate_command(const ValidateArguments& arguments);

// A check found what it was to find: exit code 3, after everything has been written.
class CheckFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void schema_command(const std::string& name);

}  // namespace moesim
