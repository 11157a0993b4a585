#include "topologies/dragonfly.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::array kParameters = {
    KindParameter{"nics_per_switch", 1, 1000, std::nullopt, "Ports of a switch to NICs (p of Kim et al.)"},
    KindParameter{"switches_per_group", 1, 1000, std::nullopt, "Switches of a group, all joined to each other (a)"},
    KindParameter{"global_links_per_switch", 0, 1000, std::nullopt, "Ports of a switch to other groups (h)"},
    KindParameter{"groups", 1, 100'000, std::nullopt, "Groups (g), at most a h + 1"},
};

struct Shape {
  std::int64_t p, a, h, g;
  std::int64_t global_ports() const { return a * h; }  // Of a group.
};

Shape shape_of(const ClusterCard& card) {
  return {parameter(card, kParameters[0]), parameter(card, kParameters[1]), parameter(card, kParameters[2]),
          parameter(card, kParameters[3])};
}

// How the global ports of all groups are joined. A ring joins each group to the one `offset` further on: it takes one
// port of each group for the way on and one for the way back, or, half way round, the same one. Rings with offsets 1,
// 2,
// .. g / 2 join every two groups once; with ports to spare the offsets begin again. (The circulant arrangement:
// Hastings et al., "Comparing global link arrangements for Dragonfly networks", CLUSTER 2015.)
struct Ring {
  std::int64_t offset;
  std::int64_t on;    // The port that leads to the group `offset` further on,
  std::int64_t back;  // and the one it arrives at.
};

std::vector<Ring> rings_of(const Shape& shape) {
  std::vector<Ring> rings;
  std::int64_t port = 0;
  for (std::int64_t offset = 1; shape.g > 1; offset = offset % (shape.g / 2) + 1) {
    const std::int64_t takes = 2 * offset == shape.g ? 1 : 2;
    if (port + takes > shape.global_ports()) break;
    rings.push_back({offset, port, port + takes - 1});
    port += takes;
  }
  return rings;
}

std::int64_t global_cables(const Shape& shape) {
  std::int64_t cables = 0;
  for (const Ring& ring : rings_of(shape)) cables += ring.on == ring.back ? shape.g / 2 : shape.g;
  return cables;
}

std::int64_t local_cables(const Shape& shape) { return shape.g * shape.a * (shape.a - 1) / 2; }

// Minimal routing (Kim, Dally, Scott, Abts: "Technology-driven, highly-scalable dragonfly topology", ISCA 2008): to the
// switch with a cable to the destination's group, over it, to the destination's switch. Of several cables those count
// that make the path shortest. Paths through a third group are not minimal in this sense, even where they are as short.
class Dragonfly final : public Fabric {
 public:
  Dragonfly(const ClusterCard& card, NodePorts& ports, LinkGraph& graph)
      : shape_(shape_of(card)), rings_(rings_of(shape_)) {
    const Bandwidth bandwidth = card.scale_out_efficiency * card.nic_bandwidth;
    std::vector<VertexId> switches;
    for (std::int64_t i = 0; i < shape_.g * shape_.a; ++i) {
      switches.push_back(graph.add_vertex({switch_name(i / shape_.a, i % shape_.a)}));
    }
    const auto vertex = [&](std::int64_t group, std::int64_t which) {
      return switches[static_cast<std::size_t>(group * shape_.a + which)];
    };
    for (int nic = 0; nic < ports.num_nics(); ++nic) {
      ports.attach(nic, vertex(place(nic).group, place(nic).which));
    }
    first_local_ = static_cast<std::int64_t>(graph.links.size());
    for (std::int64_t group = 0; group < shape_.g; ++group) {
      for (std::int64_t from = 0; from < shape_.a; ++from) {
        for (std::int64_t to = 0; to < shape_.a; ++to) {
          if (from == to) continue;
          graph.add_link({fmt::format("{}->switch{}", switch_name(group, from), to), bandwidth, card.switch_latency,
                          LinkClass::scale_out, vertex(group, from), vertex(group, to)});
        }
      }
    }
    for (const Ring& ring : rings_) add_ring(ring, bandwidth, card.switch_latency, vertex, graph);
  }

  std::int64_t num_paths(int from, int to) const override {
    const Place a = place(from);
    const Place b = place(to);
    return a.group == b.group ? 1 : static_cast<std::int64_t>(shortest(a, b).size());
  }

  void append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const override {
    const Place a = place(from);
    const Place b = place(to);
    if (a.group == b.group) {
      if (a.which != b.which) out.push_back(local_link(a.group, a.which, b.which));
      return;
    }
    const std::vector<Crossing> ways = shortest(a, b);
    const Crossing& way = ways[static_cast<std::size_t>((to + index) % static_cast<std::int64_t>(ways.size()))];
    if (a.which != way.leaves) out.push_back(local_link(a.group, a.which, way.leaves));
    out.push_back(way.link);
    if (way.arrives != b.which) out.push_back(local_link(b.group, way.arrives, b.which));
  }

 private:
  struct Place {
    std::int64_t group;
    std::int64_t which;  // Switch of the group.
  };
  // A cable from one group to another.
  struct Crossing {
    std::int64_t leaves;   // The switch that it leaves,
    std::int64_t arrives;  // and the one where it arrives.
    LinkId link;
  };

  static std::string switch_name(std::int64_t group, std::int64_t which) {
    return fmt::format("group{}/switch{}", group, which);
  }
  Place place(int nic) const {
    const std::int64_t which = nic / shape_.p;
    return {which / shape_.a, which % shape_.a};
  }
  LinkId local_link(std::int64_t group, std::int64_t from, std::int64_t to) const {
    return LinkId(first_local_ + (group * shape_.a + from) * (shape_.a - 1) + (to > from ? to - 1 : to));
  }

  template <class VertexOf>
  void add_ring(const Ring& ring, Bandwidth bandwidth, Picoseconds latency, const VertexOf& vertex, LinkGraph& graph) {
    first_of_ring_.push_back(static_cast<std::int64_t>(graph.links.size()));
    const auto add = [&](std::int64_t from, std::int64_t from_port, std::int64_t to, std::int64_t to_port) {
      // Several cables may join the same switches: the port tells them apart.
      graph.add_link({fmt::format("{}/global{}->{}", switch_name(from, from_port / shape_.h), from_port % shape_.h,
                                  switch_name(to, to_port / shape_.h)),
                      bandwidth, latency, LinkClass::scale_out, vertex(from, from_port / shape_.h),
                      vertex(to, to_port / shape_.h)});
    };
    for (std::int64_t group = 0; group < shape_.g; ++group) {
      const std::int64_t next = (group + ring.offset) % shape_.g;
      add(group, ring.on, next, ring.back);
      if (ring.on != ring.back) add(next, ring.back, group, ring.on);
    }
  }

  // The cables from the group of `a` to that of `b` on the shortest paths, in the order of the rings.
  std::vector<Crossing> shortest(const Place& a, const Place& b) const {
    std::vector<Crossing> found;
    std::int64_t least = 2;
    const std::int64_t ahead = (b.group - a.group + shape_.g) % shape_.g;
    const auto consider = [&](std::int64_t leaves, std::int64_t arrives, std::int64_t link) {
      const std::int64_t local_hops = (leaves != a.which ? 1 : 0) + (arrives != b.which ? 1 : 0);
      if (local_hops > least) return;
      if (local_hops < least) found.clear();
      least = local_hops;
      found.push_back({leaves, arrives, LinkId(link)});
    };
    for (std::size_t i = 0; i < rings_.size(); ++i) {
      const Ring& ring = rings_[i];
      if (ring.on == ring.back) {
        if (ring.offset == ahead) consider(ring.on / shape_.h, ring.on / shape_.h, first_of_ring_[i] + a.group);
        continue;
      }
      // Links of a ring stand in pairs: on from a group, and back to it.
      if (ring.offset == ahead) consider(ring.on / shape_.h, ring.back / shape_.h, first_of_ring_[i] + 2 * a.group);
      if (shape_.g - ring.offset == ahead) {
        consider(ring.back / shape_.h, ring.on / shape_.h, first_of_ring_[i] + 2 * b.group + 1);
      }
    }
    return found;
  }

  Shape shape_;
  std::vector<Ring> rings_;
  std::int64_t first_local_ = 0;
  std::vector<std::int64_t> first_of_ring_;
};

std::unique_ptr<Fabric> make(const ClusterCard& card, int /*nodes*/, NodePorts& ports, LinkGraph& graph) {
  return std::make_unique<Dragonfly>(card, ports, graph);
}

// All of its switches are there, however few nodes it has.
std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  const Shape shape = shape_of(card);
  return NodePorts::num_links(card, nodes) + 2 * (local_cables(shape) + global_cables(shape));
}

std::int64_t max_nodes(const ClusterCard& card) {
  const Shape shape = shape_of(card);
  return (shape.p * shape.a * shape.g - num_nics(card, 0)) / card.nics_per_node;
}

BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) {
  const Shape shape = shape_of(card);
  BillOfMaterials bill;
  bill.endpoints = bill.endpoint_cables = num_nics(card, nodes);
  bill.copper_endpoint_cables = card.copper_endpoint_cables;
  bill.switches.push_back({"switch", card.switch_radix, shape.a * shape.g});
  bill.switch_cables = local_cables(shape) + global_cables(shape);
  return bill;
}

std::optional<CardProblem> problem(const ClusterCard& card) {
  const Shape shape = shape_of(card);
  const std::int64_t ports = shape.p + shape.a - 1 + shape.h;
  if (ports > card.switch_radix) {
    return CardProblem{"switch_radix", std::to_string(card.switch_radix),
                       fmt::format("at least {} ports: {} NICs, {} switches of the group, {} other groups", ports,
                                   shape.p, shape.a - 1, shape.h)};
  }
  if (shape.g > shape.global_ports() + 1) {
    return CardProblem{
        "groups", std::to_string(shape.g),
        fmt::format("at most {}: a group has {} ports to others", shape.global_ports() + 1, shape.global_ports())};
  }
  return std::nullopt;
}

}  // namespace

TopologyKind dragonfly_kind() {
  return {.name = "dragonfly",
          .has_switches = true,
          .parameters = kParameters,
          .make_fabric = make,
          .num_links = num_links,
          .max_nodes = max_nodes,
          .bill = bill,
          .problem = problem};
}

}  // namespace moesim
