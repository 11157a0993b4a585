#include "topologies/fat_tree.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "topologies/node_ports.hpp"

namespace moesim {
namespace {

// With radix r and oversubscription 1: r/2 NICs an edge, r/2 edges and r/2 aggregation switches a pod, (r/2)^2 cores,
// r pods (Al-Fares, Loukissas, Vahdat: "A scalable, commodity data center network architecture", SIGCOMM 2008).
struct Tree {
  std::int64_t down;       // NICs of an edge.
  std::int64_t aggs;       // Aggregation switches of a pod: the edge's up ports.
  std::int64_t pod_edges;  // Edges of a pod.
  std::int64_t cores;      // Cores above one aggregation switch: its up ports.
  std::int64_t edges;      // In use.
  std::int64_t pods;       // In use.
};

Tree tree_of(const ClusterCard& card, std::int64_t nodes) {
  Tree tree{};
  const std::int64_t radix = card.switch_radix;
  const double share = card.oversubscription / (1 + card.oversubscription);
  tree.down = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(card.switch_radix * share + 1e-9)));
  tree.aggs = std::max<std::int64_t>(1, radix - tree.down);
  tree.pod_edges = std::max<std::int64_t>(1, radix / 2);
  tree.cores = tree.pod_edges;
  const std::int64_t nics = nodes * card.nics_per_node;
  tree.edges = (nics + tree.down - 1) / tree.down;
  tree.pods = (tree.edges + tree.pod_edges - 1) / tree.pod_edges;
  return tree;
}

// Links between edges and aggregation switches, and between those and the cores; both ways counted.
std::int64_t edge_links(const Tree& tree) { return tree.edges > 1 ? 2 * tree.edges * tree.aggs : 0; }
std::int64_t core_links(const Tree& tree) { return tree.pods > 1 ? 2 * tree.pods * tree.aggs * tree.cores : 0; }

class FatTree final : public Topology {
 public:
  FatTree(const ClusterCard& card, const GpuCard& gpu, int nodes)
      : ports_(card, gpu, nodes), tree_(tree_of(card, nodes)) {
    first_edge_ = static_cast<std::int64_t>(ports_.links().size());
    first_core_ = first_edge_ + edge_links(tree_);
    if (tree_.edges > 1) add_edge_links();
    if (tree_.pods > 1) add_core_links();
  }

  int num_ranks() const override { return ports_.num_ranks(); }
  int ranks_per_node() const override { return ports_.ranks_per_node(); }
  std::span<const Link> links() const override { return ports_.links(); }

  // d-mod-k: the digits of the destination's port number choose the way up, so that its way down is its alone.
  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override {
    if (ports_.same_node(source, destination)) return ports_.route_inside(source, destination, out);
    const int from = ports_.nic_of(source);
    const int to = ports_.nic_of(destination);
    const std::int64_t edge_a = from / tree_.down;
    const std::int64_t edge_b = to / tree_.down;
    const std::int64_t pod_a = edge_a / tree_.pod_edges;
    const std::int64_t pod_b = edge_b / tree_.pod_edges;
    const std::int64_t agg = (to % tree_.down) % tree_.aggs;
    const std::int64_t core = (edge_b % tree_.pod_edges) % tree_.cores;
    out.push_back(ports_.nic_tx(from));
    if (edge_a != edge_b) out.push_back(edge_link(edge_a, agg, 0));
    if (pod_a != pod_b) {
      out.push_back(core_link(pod_a, agg, core, 0));
      out.push_back(core_link(pod_b, agg, core, 1));
    }
    if (edge_a != edge_b) out.push_back(edge_link(edge_b, agg, 1));
    out.push_back(ports_.nic_rx(to));
  }

 private:
  // way: 0 up, 1 down.
  LinkId edge_link(std::int64_t edge, std::int64_t agg, int way) const {
    return LinkId(first_edge_ + 2 * (edge * tree_.aggs + agg) + way);
  }
  LinkId core_link(std::int64_t pod, std::int64_t agg, std::int64_t core, int way) const {
    return LinkId(first_core_ + 2 * ((pod * tree_.aggs + agg) * tree_.cores + core) + way);
  }

  void add_edge_links() {
    for (std::int64_t edge = 0; edge < tree_.edges; ++edge) {
      const std::int64_t pod = edge / tree_.pod_edges;
      const std::int64_t in_pod = edge % tree_.pod_edges;
      for (std::int64_t agg = 0; agg < tree_.aggs; ++agg) {
        ports_.add_switch_link(fmt::format("pod{}/edge{}->agg{}", pod, in_pod, agg), 1);
        ports_.add_switch_link(fmt::format("pod{}/agg{}->edge{}", pod, agg, in_pod), 1);
      }
    }
  }

  void add_core_links() {
    for (std::int64_t pod = 0; pod < tree_.pods; ++pod) {
      for (std::int64_t agg = 0; agg < tree_.aggs; ++agg) {
        for (std::int64_t core = 0; core < tree_.cores; ++core) {
          const std::int64_t number = agg * tree_.cores + core;
          ports_.add_switch_link(fmt::format("pod{}/agg{}->core{}", pod, agg, number), 1);
          ports_.add_switch_link(fmt::format("core{}->pod{}/agg{}", number, pod, agg), 1);
        }
      }
    }
  }

  NodePorts ports_;
  Tree tree_;
  std::int64_t first_edge_ = 0;
  std::int64_t first_core_ = 0;
};

std::unique_ptr<Topology> make(const ClusterCard& card, const GpuCard& gpu, int nodes) {
  return std::make_unique<FatTree>(card, gpu, nodes);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  const Tree tree = tree_of(card, nodes);
  return NodePorts::num_links(card, nodes) + edge_links(tree) + core_links(tree);
}

std::int64_t max_nodes(const ClusterCard& card) {
  const Tree tree = tree_of(card, 1);
  return std::max<std::int64_t>(1, card.switch_radix * tree.pod_edges * tree.down / card.nics_per_node);
}

}  // namespace

TopologyKind fat_tree_kind() {
  return {.name = "fat_tree",
          .has_switches = true,
          .has_rails = false,
          .is_torus = false,
          .make = make,
          .num_links = num_links,
          .max_nodes = max_nodes};
}

}  // namespace moesim
