#pragma once

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// One entry of a model card's "mixers": {"kind": "mla", "heads": 128, ...}. docs/models/architecture.md lists the keys
// of each kind. Keys that a kind does not have are refused.
TokenMixer read_mixer(JsonReader reader);
nlohmann::ordered_json mixer_json(const TokenMixer& mixer);  // Without keys that say what is the default.

}  // namespace moesim
