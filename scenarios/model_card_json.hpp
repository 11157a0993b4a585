#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/catalog.hpp"
#include "models/architecture/model_card.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// Reads a whole card. Unknown keys are refused, and so is what does not fit together: more experts a token than there
// are, modules that the card does not describe or describes in vain, sizes whose products leave 64 bits. Errors are
// InputErrors with the reader's file and pointer.
ModelCard read_model_card(JsonReader reader);

// Without keys that say what is the default, in the order of the shipped cards. Reading it gives the same card.
nlohmann::ordered_json model_card_json(const ModelCard& card);

// The catalog: all names, and the card of a name that is in it.
std::vector<std::string_view> model_card_names();
ModelCard catalog_model_card(std::string_view name);

}  // namespace moesim
