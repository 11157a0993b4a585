#pragma once

#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/quality/scaling_law.hpp"
#include "models/routing/dynamics/lab_spec.hpp"

namespace moesim {

// One laboratory under several ways to keep the load even, beside each other.
struct LabDynamics {
  LabSpec laboratory;
  std::vector<BalanceSpec> balances;
};

// Experts cut m times finer at equal FLOPs: mN experts of width f / m, mk a token.
struct LabGranularity {
  std::vector<nlohmann::json> scenarios;  // Resolved, of the kind moe_layer: what the wire and the kernels cost.
  std::vector<int> cuts;                  // m
  LabSpec laboratory;                     // At m = 1: how well the tokens fit their experts.
  BalanceSpec balance;
  ScalingLaw law;
  double training_tokens = 1;  // D of the law.
};

// One layer with each token limited to so many nodes, and without a limit.
struct LabNodeLimit {
  nlohmann::json scenario;  // Resolved; its router is node_limited.
  std::vector<int> limits;  // M
};

struct LabFile {
  std::string path;
  std::string name;
  std::variant<LabDynamics, LabGranularity, LabNodeLimit> experiment;
  nlohmann::ordered_json echo;           // As it was written.
  std::vector<std::string> input_files;  // So that no output takes their place.
};

// Reads a file of the laboratory; docs/models/lab.md lists its keys. Whatever is wrong is an InputError.
LabFile load_lab_file(const std::string& path);

}  // namespace moesim
