#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/quality/scaling_law.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// A law's card; docs/models/quality.md lists its keys.
ScalingLaw read_scaling_law(JsonReader reader);
nlohmann::ordered_json scaling_law_json(const ScalingLaw& law);

std::vector<std::string_view> law_names();
// A name of the catalog or the path of a card, as `where` says it at `pointer`; an InputError if it is neither.
ScalingLaw read_named_law(const std::string& name, const std::string& where, const std::string& pointer);

}  // namespace moesim
