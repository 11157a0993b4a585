#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "topologies/cluster_card.hpp"

namespace moesim {

// The lists of a cluster card. Each reads one key of `reader`, which must be there.

// "more_nodes": [{"gpu": "a100-80gb", "nodes": 2, "ranks_per_node": 4, "nics_per_node": 4}, ..]. The NICs are the
// card's unless "nic_gbit_per_s" says otherwise, and divide by as many rails or planes as those of the card.
std::vector<NodeGroup> read_more_nodes(JsonReader& reader, const ClusterCard& card);
nlohmann::json more_nodes_json(const std::vector<NodeGroup>& groups);

// "faults": [{"kind": "nic_slow", "name": "node0/nic3", "factor": 0.5}, ..]. Whether there is anything of that name is
// for scenarios/cluster_topology.hpp to say.
std::vector<Fault> read_faults(JsonReader& reader);
nlohmann::json faults_json(const std::vector<Fault>& faults);
std::string_view name(Fault::Kind kind);  // "nic_slow"

}  // namespace moesim
