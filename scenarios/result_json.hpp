#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/result.hpp"

namespace moesim {

// The result's keys in their fixed order, with the resolved scenario under "scenario". Times are microseconds with all
// their picosecond digits. Everything but "wall_s" is the same bytes for the same scenario, seed and build.
nlohmann::ordered_json result_json(const RunResult& result);

// The same as a document: pretty_json().
std::string result_text(const RunResult& result);

}  // namespace moesim
