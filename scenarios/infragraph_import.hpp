#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/import_hf.hpp"
#include "topologies/cluster_card.hpp"

namespace moesim {

// Reads an infrastructure of InfraGraph (github.com/Keysight/infragraph, schema 2.4.0), as its JSON, as a cluster card
// of kind "graph". A device with xpu components is a node, each xpu a rank; the components that its infrastructure
// edges end at are its NICs, in the order of the device. Every instance of another device is one switch that joins all
// its ports. Edges are cables, at the bandwidth and latency of their link.
//
// InfraGraph says nothing of what NVLink and NICs take inside a node: that comes from `like`, with its GPU. Refused are
// what cannot be read so: nodes that differ, links without a bandwidth in bits or bytes, edges between xpus of
// different nodes, the scheme ring.
struct InfraGraphImport {
  ClusterCard card;
  std::vector<Caveat> caveats;
};
InfraGraphImport import_infragraph(const nlohmann::json& value, const std::string& where, const ClusterCard& like,
                                   const std::string& name);

// The same from a path or, for "-", from standard input; `like` names a cluster card.
ImportedCard import_infragraph_file(const std::string& path, const std::string& like, const std::string& name);

}  // namespace moesim
