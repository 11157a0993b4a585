#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "topologies/cluster_card.hpp"

namespace moesim {

// Reads a whole card; unknown keys, and keys that the card's kind does not use, are refused. Errors are InputErrors
// with the reader's file and pointer.
ClusterCard read_cluster_card(JsonReader reader);
nlohmann::json cluster_card_json(const ClusterCard& card);

// Puts the keys of a card that `reader` has over those of `card`: all but "schema", "name", "kind" and "sources". The
// caller reads its own keys before or after and calls finish(). With new "torus_dims" but no "nodes", the cluster
// fills the torus.
void override_cluster_card(JsonReader& reader, ClusterCard& card);

// The catalog: the names in order, and the card of a name that is in it.
std::vector<std::string_view> cluster_card_names();
ClusterCard catalog_cluster_card(std::string_view name);

}  // namespace moesim
