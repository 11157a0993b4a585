#include "topologies/rail_optimized.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "topologies/node_ports.hpp"

namespace moesim {
namespace {

// The switches that a number of nodes needs. Leaf l of a rail serves `down` consecutive NICs of that rail.
struct Fabric {
  std::int64_t down;      // Ports of a leaf to NICs.
  std::int64_t spines;    // Ports of a leaf to spines: one to each.
  std::int64_t per_rail;  // Leaves of a rail.
  std::int64_t leaves;    // Of all rails.
  std::int64_t trunks;    // Links from a leaf to the spines in the model: one, or one for each spine.
};

Fabric fabric_of(const ClusterCard& card, std::int64_t nodes) {
  Fabric fabric{};
  const double share = card.oversubscription / (1 + card.oversubscription);
  fabric.down = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(card.switch_radix * share + 1e-9)));
  fabric.spines = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(static_cast<double>(fabric.down) / card.oversubscription - 1e-9)));
  const std::int64_t nics = nodes * (card.nics_per_node / card.rails);
  fabric.per_rail = (nics + fabric.down - 1) / fabric.down;
  fabric.leaves = fabric.per_rail * card.rails;
  fabric.trunks = fabric.leaves == 1 ? 0 : card.spine_routing == SpineRouting::adaptive ? 1 : fabric.spines;
  return fabric;
}

class RailOptimized final : public Topology {
 public:
  RailOptimized(const ClusterCard& card, const GpuCard& gpu, int nodes)
      : ports_(card, gpu, nodes), fabric_(fabric_of(card, nodes)), rails_(card.rails) {
    const int ports = static_cast<int>(fabric_.trunks == 1 ? fabric_.spines : 1);
    first_trunk_ = static_cast<std::int64_t>(ports_.links().size());
    for (std::int64_t leaf = 0; leaf < fabric_.leaves; ++leaf) {
      const std::int64_t rail = leaf / fabric_.per_rail;
      const std::int64_t in_rail = leaf % fabric_.per_rail;
      for (std::int64_t trunk = 0; trunk < fabric_.trunks; ++trunk) {
        const std::string spine = fabric_.trunks == 1 ? "spines" : fmt::format("spine{}", trunk);
        ports_.add_switch_link(fmt::format("rail{}/leaf{}->{}", rail, in_rail, spine), ports);
        ports_.add_switch_link(fmt::format("{}->rail{}/leaf{}", spine, rail, in_rail), ports);
      }
    }
  }

  int num_ranks() const override { return ports_.num_ranks(); }
  int ranks_per_node() const override { return ports_.ranks_per_node(); }
  std::span<const Link> links() const override { return ports_.links(); }

  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override {
    if (ports_.same_node(source, destination)) return ports_.route_inside(source, destination, out);
    const int from = ports_.nic_of(source);
    const int to = ports_.nic_of(destination);
    const Port a = port_of(from);
    const Port b = port_of(to);
    out.push_back(ports_.nic_tx(from));
    if (a.leaf != b.leaf) {
      // The destination's port on its leaf chooses the spine: no two destinations of a leaf share a way down.
      const std::int64_t trunk = b.slot % fabric_.trunks;
      out.push_back(LinkId(first_trunk_ + 2 * (a.leaf * fabric_.trunks + trunk)));
      out.push_back(LinkId(first_trunk_ + 2 * (b.leaf * fabric_.trunks + trunk) + 1));
    }
    out.push_back(ports_.nic_rx(to));
  }

 private:
  struct Port {
    std::int64_t leaf;  // Over all rails.
    std::int64_t slot;  // Down port of the leaf.
  };

  Port port_of(int nic) const {
    const int local = nic % ports_.nics_per_node();
    const int node = nic / ports_.nics_per_node();
    const std::int64_t rail = local % rails_;
    const std::int64_t in_rail = std::int64_t{node} * (ports_.nics_per_node() / rails_) + local / rails_;
    return {rail * fabric_.per_rail + in_rail / fabric_.down, in_rail % fabric_.down};
  }

  NodePorts ports_;
  Fabric fabric_;
  int rails_;
  std::int64_t first_trunk_ = 0;
};

std::unique_ptr<Topology> make(const ClusterCard& card, const GpuCard& gpu, int nodes) {
  return std::make_unique<RailOptimized>(card, gpu, nodes);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  const Fabric fabric = fabric_of(card, nodes);
  return NodePorts::num_links(card, nodes) + 2 * fabric.leaves * fabric.trunks;
}

// A spine has one port for each leaf, so there are at most `switch_radix` leaves, the same number on each rail.
std::int64_t max_nodes(const ClusterCard& card) {
  const std::int64_t down = fabric_of(card, 1).down;
  const std::int64_t nics = std::max<std::int64_t>(1, card.switch_radix / card.rails) * down;
  return std::max<std::int64_t>(1, nics / (card.nics_per_node / card.rails));
}

}  // namespace

TopologyKind rail_optimized_kind() {
  return {.name = "rail_optimized",
          .has_switches = true,
          .has_rails = true,
          .is_torus = false,
          .make = make,
          .num_links = num_links,
          .max_nodes = max_nodes};
}

}  // namespace moesim
