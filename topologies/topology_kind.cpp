#include "topologies/topology_kind.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sim/check.hpp"
#include "topologies/dragonfly.hpp"
#include "topologies/fat_tree.hpp"
#include "topologies/graph.hpp"
#include "topologies/multi_plane.hpp"
#include "topologies/nvl_rack.hpp"
#include "topologies/nvlink_domain.hpp"
#include "topologies/rail_optimized.hpp"
#include "topologies/slim_fly.hpp"
#include "topologies/switched_cluster.hpp"
#include "topologies/torus.hpp"

namespace moesim {
namespace {

// A Link with a name too long for the string's own buffer, about as much again in the flow network, and its part of
// the vertices that links join.
constexpr double kBytesPerLink = sizeof(Link) + 32 + 112 + 32;

const TopologyKind& kind_of(const ClusterCard& card) {
  const TopologyKind* kind = find_topology_kind(card.kind);
  MOESIM_CHECK(kind != nullptr, "no topology kind \"{}\"", card.kind);
  return *kind;
}

}  // namespace

std::span<const TopologyKind> topology_kinds() {
  static const std::array kKinds = {
      single_node_kind(), rail_optimized_kind(), nvl_rack_kind(), fat_tree_kind(), multi_plane_kind(),
      dragonfly_kind(),   slim_fly_kind(),       torus_kind(),    graph_kind(),
  };
  return kKinds;
}

const TopologyKind* find_topology_kind(std::string_view name) {
  const auto kinds = topology_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const TopologyKind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

int parameter(const ClusterCard& card, const KindParameter& which) {
  for (const auto& [key, value] : card.parameters) {
    if (key == which.key) return value;
  }
  MOESIM_CHECK(which.fallback.has_value(), "a {} without {}", card.kind, which.key);
  return *which.fallback;
}

TopologySize topology_size(const ClusterCard& card, std::int64_t nodes) {
  TopologySize size;
  size.ranks = num_ranks(card, nodes);
  size.links = kind_of(card).num_links(card, nodes);
  size.bytes = kBytesPerLink * static_cast<double>(size.links);
  return size;
}

std::optional<SizeProblem> size_problem(const ClusterCard& card, std::int64_t nodes) {
  const TopologySize size = topology_size(card, nodes);
  if (size.bytes > kMaxTopologyBytes) {
    constexpr double kGib = 1 << 30;
    return SizeProblem{fmt::format("{} nodes with {} ranks, whose {} links would take {:.0f} GiB", nodes, size.ranks,
                                   size.links, size.bytes / kGib),
                       fmt::format("a cluster whose links take at most {:.0f} GiB", kMaxTopologyBytes / kGib)};
  }
  const std::int64_t most = kind_of(card).max_nodes(card);
  if (nodes > most) {
    return SizeProblem{fmt::format("{} nodes", nodes),
                       fmt::format("at most {}, which is all that a {} of this card can join", most, card.kind)};
  }
  return std::nullopt;
}

BillOfMaterials bill_of_materials(const ClusterCard& card, std::int64_t nodes) {
  return kind_of(card).bill(card, nodes);
}

std::unique_ptr<Topology> make_topology(const ClusterCard& card, const GpuCard& gpu, int nodes, std::uint64_t seed) {
  const auto problem = size_problem(card, nodes);
  MOESIM_CHECK(nodes >= 1 && !problem, "{} nodes", nodes);
  const TopologyKind& kind = kind_of(card);
  if (kind.make != nullptr) return kind.make(card, gpu, nodes);
  return std::make_unique<SwitchedCluster>(card, gpu, nodes, seed, kind.make_fabric);
}

}  // namespace moesim
