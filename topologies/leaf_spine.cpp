#include "topologies/leaf_spine.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace moesim {
namespace {

// NICs of every rail: nodes put equal numbers on each.
std::int64_t nics_of_rail(const ClusterCard& card, int rails, std::int64_t nodes) {
  return num_nics(card, nodes) / rails;
}

class LeafSpine final : public Fabric {
 public:
  LeafSpine(const ClusterCard& card, const LeafSpinePlan& plan, int nodes, NodePorts& ports, LinkGraph& graph)
      : plan_(plan), size_(leaf_spine_size(card, plan, nodes)) {
    std::vector<std::int64_t> next(static_cast<std::size_t>(plan.rails));
    for (int nic = 0; nic < ports.num_nics(); ++nic) {
      const int rail = ports.nic_in_node(nic) % plan.rails;
      const std::int64_t in_rail = next[static_cast<std::size_t>(rail)]++;
      ports_.push_back({rail, rail * size_.per_rail + in_rail / size_.down, in_rail % size_.down});
    }
    add_switches(graph);
    for (int nic = 0; nic < ports.num_nics(); ++nic) ports.attach(nic, leaves_[static_cast<std::size_t>(at(nic).leaf)]);
    add_trunks(card, graph);
  }

  int rail_of(int nic) const override { return at(nic).rail; }

  std::int64_t num_paths(int from, int to) const override {
    if (!plan_.joined && at(from).rail != at(to).rail) return 0;
    return at(from).leaf == at(to).leaf ? 1 : size_.trunks;
  }

  void append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const override {
    const Port& a = at(from);
    const Port& b = at(to);
    if (a.leaf == b.leaf) return;
    // The destination's port on its leaf chooses the spine: no two destinations of a leaf share a way down.
    const std::int64_t trunk = (b.slot + index) % size_.trunks;
    out.push_back(LinkId(first_trunk_ + 2 * (a.leaf * size_.trunks + trunk)));
    out.push_back(LinkId(first_trunk_ + 2 * (b.leaf * size_.trunks + trunk) + 1));
  }

 private:
  struct Port {
    int rail;
    std::int64_t leaf;  // Over all rails.
    std::int64_t slot;  // Down port of the leaf.
  };
  const Port& at(int nic) const { return ports_[static_cast<std::size_t>(nic)]; }

  std::string prefix(std::int64_t rail) const {
    return plan_.rail.empty() ? std::string() : fmt::format("{}{}/", plan_.rail, rail);
  }
  std::string spine_name(std::int64_t trunk) const {
    return size_.trunks == 1 && size_.spines > 1 ? "spines" : fmt::format("spine{}", trunk);
  }

  void add_switches(LinkGraph& graph) {
    for (std::int64_t leaf = 0; leaf < size_.leaves; ++leaf) {
      const std::string name = fmt::format("{}leaf{}", prefix(leaf / size_.per_rail), leaf % size_.per_rail);
      leaves_.push_back(graph.add_vertex({name}));
    }
    const int spine_sets = plan_.joined ? 1 : plan_.rails;
    for (int set = 0; set < spine_sets; ++set) {
      const std::string before = plan_.joined ? "" : prefix(set);
      for (std::int64_t trunk = 0; trunk < size_.trunks; ++trunk) {
        const int members = size_.trunks == 1 ? static_cast<int>(size_.spines) : 1;
        spines_.push_back(graph.add_vertex({before + spine_name(trunk), Vertex::Kind::fabric_switch,
                                            Vertex::kBetweenNodes, members, before + "spine"}));
      }
    }
  }

  void add_trunks(const ClusterCard& card, LinkGraph& graph) {
    first_trunk_ = static_cast<std::int64_t>(graph.links.size());
    const double cables = size_.trunks == 1 ? static_cast<double>(size_.spines) : 1;
    const Bandwidth bandwidth = cables * (card.scale_out_efficiency * card.nic_bandwidth);
    for (std::int64_t leaf = 0; leaf < size_.leaves; ++leaf) {
      const VertexId below = leaves_[static_cast<std::size_t>(leaf)];
      const std::int64_t rail = leaf / size_.per_rail;
      const std::int64_t in_rail = leaf % size_.per_rail;
      for (std::int64_t trunk = 0; trunk < size_.trunks; ++trunk) {
        const std::int64_t spine = (plan_.joined ? 0 : rail * size_.trunks) + trunk;
        const VertexId above = spines_[static_cast<std::size_t>(spine)];
        // A link's name gives what its two ends share only once: "plane0/leaf1->spine2".
        const std::string up = fmt::format("{}leaf{}->{}", prefix(rail), in_rail, spine_name(trunk));
        const std::string down = plan_.joined ? fmt::format("{}->{}leaf{}", spine_name(trunk), prefix(rail), in_rail)
                                              : fmt::format("{}{}->leaf{}", prefix(rail), spine_name(trunk), in_rail);
        graph.add_link({up, bandwidth, card.switch_latency, LinkClass::scale_out, below, above});
        graph.add_link({down, bandwidth, card.switch_latency, LinkClass::scale_out, above, below});
      }
    }
  }

  LeafSpinePlan plan_;
  LeafSpineSize size_;
  std::vector<Port> ports_;  // [NICs]
  std::vector<VertexId> leaves_;
  std::vector<VertexId> spines_;  // Set by set.
  std::int64_t first_trunk_ = 0;
};

}  // namespace

std::int64_t down_ports(const ClusterCard& card) {
  const double share = card.oversubscription / (1 + card.oversubscription);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(card.switch_radix * share + 1e-9)));
}

LeafSpineSize leaf_spine_size(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes) {
  LeafSpineSize size;
  size.down = down_ports(card);
  const double up = static_cast<double>(size.down) / card.oversubscription;
  size.spines = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(up - 1e-9)));
  size.per_rail = (nics_of_rail(card, plan.rails, nodes) + size.down - 1) / size.down;
  size.leaves = size.per_rail * plan.rails;
  const std::int64_t joined_leaves = plan.joined ? size.leaves : size.per_rail;
  size.trunks = joined_leaves == 1 ? 0 : card.path_choice == PathChoice::adaptive ? 1 : size.spines;
  return size;
}

std::int64_t leaf_spine_links(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes) {
  return NodePorts::num_links(card, nodes) + leaf_spine_size(card, plan, nodes).links();
}

// With rails that share spines there are at most `switch_radix` leaves, the same number on each rail.
std::int64_t leaf_spine_max_nodes(const ClusterCard& card, const LeafSpinePlan& plan) {
  const std::int64_t leaves = plan.joined ? card.switch_radix / plan.rails : card.switch_radix;
  const std::int64_t nics = std::max<std::int64_t>(1, leaves) * down_ports(card);
  const std::int64_t others = nics_of_rail(card, plan.rails, 0);
  return std::max<std::int64_t>(1, (nics - others) / (card.nics_per_node / plan.rails));
}

BillOfMaterials leaf_spine_bill(const ClusterCard& card, const LeafSpinePlan& plan, std::int64_t nodes) {
  const LeafSpineSize size = leaf_spine_size(card, plan, nodes);
  const bool spines = size.trunks > 0;
  BillOfMaterials bill;
  bill.endpoints = bill.endpoint_cables = num_nics(card, nodes);
  bill.copper_endpoint_cables = card.copper_endpoint_cables;
  bill.switches.push_back({"leaf", card.switch_radix, size.leaves});
  if (spines) bill.switches.push_back({"spine", card.switch_radix, size.spines * (plan.joined ? 1 : plan.rails)});
  bill.switch_cables = spines ? size.leaves * size.spines : 0;
  return bill;
}

std::unique_ptr<Fabric> make_leaf_spine(const ClusterCard& card, const LeafSpinePlan& plan, int nodes, NodePorts& ports,
                                        LinkGraph& graph) {
  return std::make_unique<LeafSpine>(card, plan, nodes, ports, graph);
}

}  // namespace moesim
