#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/scenario.hpp"

namespace moesim {

struct LoadOptions {
  std::vector<std::string> sets;      // "/json/pointer=value", applied in order before anything is looked up.
  std::optional<std::uint64_t> seed;  // Wins over the scenario's own.
};

// Reads a scenario from a file, or from standard input for "-", and resolves it: fills in the defaults, looks up the
// cards, checks every condition between keys. All that is wrong with it is an InputError; docs/scenario.md lists them.
Scenario load_scenario(const std::string& path, const LoadOptions& options = {});

// The same from JSON. `where` names it in errors, and relative paths in it start from that file's folder.
Scenario parse_scenario(const nlohmann::json& json, const std::string& where);

// A scenario that says everything: run again, it gives the same result.
nlohmann::ordered_json resolved_json(const Scenario& scenario);

std::string resolved_text(const Scenario& scenario);  // The same as a document.

}  // namespace moesim
