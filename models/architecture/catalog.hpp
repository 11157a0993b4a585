#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/card.hpp"

namespace moesim {

// The cards of models/catalog, compiled in, in the order of their files. scenarios/model_card_json.hpp reads them.
std::span<const Card> model_cards();

// Why a model that people ask for has no card, as one sentence; empty for a name that is not known to be undisclosed.
std::optional<std::string> undisclosed_reason(std::string_view name);

}  // namespace moesim
