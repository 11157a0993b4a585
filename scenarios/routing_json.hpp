#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "models/rank_layout.hpp"
#include "models/routing/route_batch.hpp"
#include "models/routing/router_spec.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

struct RoutingChoice {
  RouterSpec router;
  RoutingPath path = RoutingPath::sampled;
};

// Puts the keys of the "routing" object over `published`, the router of the model's card, for experts on the ranks of
// `layout` and `tokens` over all of them. Keys that the kind has no use for are refused; so is a router that cannot
// route.
RoutingChoice read_routing(JsonReader reader, const RouterSpec& published, const RankLayout& layout,
                           std::int64_t tokens);

// As read_routing() takes it, for the same model.
nlohmann::ordered_json routing_json(const RouterSpec& router, RoutingPath path);

}  // namespace moesim
