#pragma once

#include <nlohmann/json_fwd.hpp>

#include "models/rank_layout.hpp"
#include "models/routing/router_spec.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/placement_choice.hpp"

namespace moesim {

// Reads a placement under `key`: the name of a kind, or an object with "kind" and what that kind takes. Absent:
// contiguous. Refuses one that does not fit the router's experts and the ranks of `layout`.
PlacementChoice read_placement(JsonReader& reader, std::string_view key, const RouterSpec& router,
                               const RankLayout& layout);

// As read_placement() takes it, for the same model; every default written out.
nlohmann::ordered_json placement_json(const PlacementChoice& placement);

}  // namespace moesim
