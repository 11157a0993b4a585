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

// "switches": ["leaf0", ..], and "cables": [{"ends": ["node0/nic0", "leaf0"]}, ..] between those and NICs, at the
// card's "nic_gbit_per_s" and "switch_latency_us" unless a cable has a "gbit_per_s" and a "latency_us" of its own.
std::vector<std::string> read_graph_switches(JsonReader& reader);
std::vector<Cable> read_cables(JsonReader& reader, const ClusterCard& card);
nlohmann::json cables_json(const std::vector<Cable>& cables);

// "faults": [{"kind": "nic_slow", "name": "node0/nic3", "factor": 0.5}, ..]. Whether there is anything of that name is
// for scenarios/cluster_topology.hpp to say.
std::vector<Fault> read_faults(JsonReader& reader);
nlohmann::json faults_json(const std::vector<Fault>& faults);
std::string_view name(Fault::Kind kind);  // "nic_slow"

}  // namespace moesim
