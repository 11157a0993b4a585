#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/json_reader.hpp"
#include "scenarios/result.hpp"
#include "scenarios/run.hpp"
#include "scenarios/scenario_json.hpp"

namespace moesim {

// Runs a scenario that is given as text.
inline RunResult run_text(const std::string& text) {
  return run_scenario(parse_scenario(parse_json(text, "test"), "test"));
}

}  // namespace moesim
