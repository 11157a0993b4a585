#pragma once

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// "moe" of a model card: experts, their widths, and "routing" as published.
MoeFfn read_moe(JsonReader reader);
nlohmann::ordered_json moe_json(const MoeFfn& moe);  // Without keys that say what is the default.

}  // namespace moesim
