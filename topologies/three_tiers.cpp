#include "topologies/three_tiers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "topologies/leaf_spine.hpp"

namespace moesim {
namespace {

struct Tree {
  std::int64_t down;       // NICs of an edge.
  std::int64_t aggs;       // Aggregation switches of a pod: the edge's up ports.
  std::int64_t pod_edges;  // Edges of a pod.
  std::int64_t cores;      // Cores above one aggregation switch: its up ports.
  std::int64_t edges;      // In use.
  std::int64_t pods;       // In use.
  // Links that the model has in place of those switches' cables: one trunk each if traffic spreads over all of them.
  std::int64_t agg_trunks;   // Above an edge.
  std::int64_t core_trunks;  // Above an aggregation switch, or above all those of a pod.

  bool adaptive() const { return agg_trunks < aggs || core_trunks < cores; }
};

Tree tree_of(const ClusterCard& card, std::int64_t nodes) {
  Tree tree{};
  const std::int64_t radix = card.switch_radix;
  tree.down = down_ports(card);
  tree.aggs = std::max<std::int64_t>(1, radix - tree.down);
  tree.pod_edges = std::max<std::int64_t>(1, radix / 2);
  tree.cores = tree.pod_edges;
  tree.edges = (num_nics(card, nodes) + tree.down - 1) / tree.down;
  tree.pods = (tree.edges + tree.pod_edges - 1) / tree.pod_edges;
  const bool adaptive = card.path_choice == PathChoice::adaptive;
  tree.agg_trunks = adaptive ? 1 : tree.aggs;
  tree.core_trunks = adaptive ? 1 : tree.cores;
  return tree;
}

// Links between edges and aggregation switches, and between those and the cores; both ways counted.
std::int64_t edge_links(const Tree& tree) { return tree.edges > 1 ? 2 * tree.edges * tree.agg_trunks : 0; }
std::int64_t core_links(const Tree& tree) {
  return tree.pods > 1 ? 2 * tree.pods * tree.agg_trunks * tree.core_trunks : 0;
}

class ThreeTiers final : public Fabric {
 public:
  ThreeTiers(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph)
      : tree_(tree_of(card, nodes)),
        port_(card.scale_out_efficiency * card.nic_bandwidth),
        latency_(card.switch_latency) {
    std::vector<VertexId> edges;
    for (std::int64_t edge = 0; edge < tree_.edges; ++edge) {
      edges.push_back(graph.add_vertex({fmt::format("pod{}/edge{}", edge / tree_.pod_edges, edge % tree_.pod_edges)}));
    }
    for (int nic = 0; nic < ports.num_nics(); ++nic) {
      ports.attach(nic, edges[static_cast<std::size_t>(nic / tree_.down)]);
    }
    first_edge_ = static_cast<std::int64_t>(graph.links.size());
    first_core_ = first_edge_ + edge_links(tree_);
    if (tree_.edges > 1) add_edge_links(edges, graph);
    if (tree_.pods > 1) add_core_links(graph);
  }

  std::int64_t num_paths(int from, int to) const override {
    const Place a = place(from);
    const Place b = place(to);
    if (a.edge == b.edge) return 1;
    return a.pod == b.pod ? tree_.agg_trunks : tree_.agg_trunks * tree_.core_trunks;
  }

  // d-mod-k: the digits of the destination's port number choose the way up, so that its way down is its alone.
  void append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const override {
    const Place a = place(from);
    const Place b = place(to);
    if (a.edge == b.edge) return;
    const std::int64_t agg = (to % tree_.down + index) % tree_.agg_trunks;
    const std::int64_t core = (b.edge % tree_.pod_edges + index / tree_.agg_trunks) % tree_.core_trunks;
    out.push_back(edge_link(a.edge, agg, 0));
    if (a.pod != b.pod) {
      out.push_back(core_link(a.pod, agg, core, 0));
      out.push_back(core_link(b.pod, agg, core, 1));
    }
    out.push_back(edge_link(b.edge, agg, 1));
  }

 private:
  struct Place {
    std::int64_t edge;
    std::int64_t pod;
  };
  Place place(int nic) const { return {nic / tree_.down, nic / tree_.down / tree_.pod_edges}; }

  // way: 0 up, 1 down.
  LinkId edge_link(std::int64_t edge, std::int64_t agg, int way) const {
    return LinkId(first_edge_ + 2 * (edge * tree_.agg_trunks + agg) + way);
  }
  LinkId core_link(std::int64_t pod, std::int64_t agg, std::int64_t core, int way) const {
    return LinkId(first_core_ + 2 * ((pod * tree_.agg_trunks + agg) * tree_.core_trunks + core) + way);
  }

  std::string agg_name(std::int64_t agg) const { return tree_.adaptive() ? "aggs" : fmt::format("agg{}", agg); }
  std::string core_name(std::int64_t core) const { return tree_.adaptive() ? "cores" : fmt::format("core{}", core); }
  void add_both(const std::string& up, const std::string& down, std::int64_t ports, VertexId below, VertexId above,
                LinkGraph& graph) const {
    const Bandwidth bandwidth = static_cast<double>(ports) * port_;
    graph.add_link({up, bandwidth, latency_, LinkClass::scale_out, below, above});
    graph.add_link({down, bandwidth, latency_, LinkClass::scale_out, above, below});
  }

  void add_edge_links(const std::vector<VertexId>& edges, LinkGraph& graph) {
    const int members = static_cast<int>(tree_.aggs / tree_.agg_trunks);
    for (std::int64_t pod = 0; pod < tree_.pods; ++pod) {
      for (std::int64_t agg = 0; agg < tree_.agg_trunks; ++agg) {
        aggs_.push_back(graph.add_vertex({fmt::format("pod{}/{}", pod, agg_name(agg)), Vertex::Kind::fabric_switch,
                                          Vertex::kBetweenNodes, members, fmt::format("pod{}/agg", pod)}));
      }
    }
    for (std::int64_t edge = 0; edge < tree_.edges; ++edge) {
      const std::int64_t pod = edge / tree_.pod_edges;
      const std::int64_t in_pod = edge % tree_.pod_edges;
      for (std::int64_t agg = 0; agg < tree_.agg_trunks; ++agg) {
        add_both(fmt::format("pod{}/edge{}->{}", pod, in_pod, agg_name(agg)),
                 fmt::format("pod{}/{}->edge{}", pod, agg_name(agg), in_pod), members,
                 edges[static_cast<std::size_t>(edge)], aggs_[static_cast<std::size_t>(pod * tree_.agg_trunks + agg)],
                 graph);
      }
    }
  }

  void add_core_links(LinkGraph& graph) {
    const std::int64_t all = tree_.aggs * tree_.cores;
    const std::int64_t trunks = tree_.agg_trunks * tree_.core_trunks;
    const int members = static_cast<int>(all / trunks);
    std::vector<VertexId> cores;
    for (std::int64_t core = 0; core < trunks; ++core) {
      cores.push_back(
          graph.add_vertex({core_name(core), Vertex::Kind::fabric_switch, Vertex::kBetweenNodes, members, "core"}));
    }
    for (std::int64_t pod = 0; pod < tree_.pods; ++pod) {
      for (std::int64_t agg = 0; agg < tree_.agg_trunks; ++agg) {
        for (std::int64_t core = 0; core < tree_.core_trunks; ++core) {
          const std::int64_t number = agg * tree_.core_trunks + core;
          add_both(fmt::format("pod{}/{}->{}", pod, agg_name(agg), core_name(number)),
                   fmt::format("{}->pod{}/{}", core_name(number), pod, agg_name(agg)), members,
                   aggs_[static_cast<std::size_t>(pod * tree_.agg_trunks + agg)],
                   cores[static_cast<std::size_t>(number)], graph);
        }
      }
    }
  }

  Tree tree_;
  Bandwidth port_;
  Picoseconds latency_;
  std::vector<VertexId> aggs_;
  std::int64_t first_edge_ = 0;
  std::int64_t first_core_ = 0;
};

}  // namespace

std::int64_t three_tier_links(const ClusterCard& card, std::int64_t nodes) {
  const Tree tree = tree_of(card, nodes);
  return NodePorts::num_links(card, nodes) + edge_links(tree) + core_links(tree);
}

std::int64_t three_tier_max_nodes(const ClusterCard& card) {
  const Tree tree = tree_of(card, 1);
  const std::int64_t nics = card.switch_radix * tree.pod_edges * tree.down - num_nics(card, 0);
  return std::max<std::int64_t>(1, nics / card.nics_per_node);
}

BillOfMaterials three_tier_bill(const ClusterCard& card, std::int64_t nodes) {
  const Tree tree = tree_of(card, nodes);
  BillOfMaterials bill;
  bill.endpoints = bill.endpoint_cables = num_nics(card, nodes);
  bill.copper_endpoint_cables = card.copper_endpoint_cables;
  bill.switches.push_back({"edge", card.switch_radix, tree.edges});
  if (tree.edges > 1) {
    bill.switches.push_back({"aggregation", card.switch_radix, tree.pods * tree.aggs});
    bill.switch_cables += tree.edges * tree.aggs;
  }
  if (tree.pods > 1) {
    bill.switches.push_back({"core", card.switch_radix, tree.aggs * tree.cores});
    bill.switch_cables += tree.pods * tree.aggs * tree.cores;
  }
  return bill;
}

std::unique_ptr<Fabric> make_three_tiers(const ClusterCard& card, int nodes, NodePorts& ports, LinkGraph& graph) {
  return std::make_unique<ThreeTiers>(card, nodes, ports, graph);
}

}  // namespace moesim
