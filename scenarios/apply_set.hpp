#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace moesim {

// Applies one "--set /json/pointer=value" to a scenario. The value is JSON, or else a string. The pointer's parent must
// exist; a card's name there ("cluster": "h800-ib") stands for {"card": name}, so that /cluster/nodes can be set.
void apply_set(nlohmann::json& scenario, const std::string& set);

}  // namespace moesim
