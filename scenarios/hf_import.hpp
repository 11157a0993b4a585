#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "models/caveat.hpp"

namespace moesim {

struct HfImport {
  ModelCard card;  // Its notes say what the caveats say.
  std::vector<Caveat> caveats;
};

// A model card from a Hugging Face config.json. A model type that is not known and a key that is missing are
// InputErrors that name it; keys that were not understood and may change parameter counts become a caveat. `name` is
// the card's; whatever is not a letter, digit or dot in it becomes a hyphen.
HfImport import_hf_config(const nlohmann::json& config, const std::string& where, const std::string& name);

}  // namespace moesim
