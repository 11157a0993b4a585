#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace moesim {

// Applies one "--set /json/pointer=value" to a scenario. The value is JSON, or else a string. Parents that are
// missing are made. A card's name ("model": "deepseek-v3") stands for {"card": name}, and below that the parents are
// the card's: /cluster/nodes and /model/moe/top_k can be set.
void apply_set(nlohmann::json& scenario, const std::string& set);

}  // namespace moesim
