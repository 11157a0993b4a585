#pragma once

#include <string>
#include <vector>

#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

// Inside a node's scale-up domain (NVLink, a TPU chip), or between nodes (NICs, switches, the links of a torus).
enum class LinkClass { scale_up, scale_out };

// Where links begin and end.
struct Vertex {
  enum class Kind { gpu, nic, scale_up_switch, fabric_switch };  // A chip of a torus is a GPU.
  static constexpr int kBetweenNodes = -1;

  std::string name;  // As in the names of links: "node3/nic2", "rail4/leaf0", "chip(1,2)".
  Kind kind = Kind::fabric_switch;
  int node = kBetweenNodes;  // That it is a part of; fabric switches are part of none.
  // Where parallel uplinks are one trunk, a vertex stands for several equal switches: "spine0", "spine1", ...
  int members = 1;
  std::string member = {};  // "spine"
};
using VertexId = Id<struct VertexTag>;

// One direction of a physical link.
struct Link {
  std::string name;  // As in results and traces: "node3/gpu2/nvlink-tx", "rail4/leaf0->spine1".
  Bandwidth capacity;
  Picoseconds latency;
  LinkClass link_class;
  VertexId from = {};
  VertexId to = {};
};

// A GPU and a NIC with nothing between them that the model knows of: one is at the other, both ways, at no cost.
struct Joint {
  VertexId gpu;
  VertexId nic;
};

// The links of a cluster, and what they join.
struct LinkGraph {
  std::vector<Vertex> vertices;
  std::vector<Link> links;
  std::vector<Joint> joints;

  VertexId add_vertex(Vertex vertex) {
    vertices.push_back(std::move(vertex));
    return VertexId(static_cast<std::int64_t>(vertices.size()) - 1);
  }
  LinkId add_link(Link link) {
    links.push_back(std::move(link));
    return LinkId(static_cast<std::int64_t>(links.size()) - 1);
  }
};

}  // namespace moesim
