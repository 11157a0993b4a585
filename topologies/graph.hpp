#pragma once

#include <optional>
#include <string_view>

#include "topologies/topology_kind.hpp"

namespace moesim {

// "graph": any switches and cables, as the card lists them.
TopologyKind graph_kind();

// "node3/nic2" as an end of a cable; empty for what is not the name of a NIC.
struct NicPlace {
  int node;
  int nic;
};
std::optional<NicPlace> nic_place(std::string_view name);

}  // namespace moesim
