#include "topologies/nvlink_domain.hpp"

#include "topologies/node_ports.hpp"

namespace moesim {
namespace {

class NvlinkDomain final : public Topology {
 public:
  NvlinkDomain(const ClusterCard& card, const GpuCard& gpu) : ports_(card, gpu, 1) {}

  int num_ranks() const override { return ports_.num_ranks(); }
  int ranks_per_node() const override { return ports_.ranks_per_node(); }
  std::span<const Link> links() const override { return ports_.links(); }
  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override {
    ports_.route_inside(source, destination, out);
  }

 private:
  NodePorts ports_;
};

std::unique_ptr<Topology> make(const ClusterCard& card, const GpuCard& gpu, int /*nodes*/) {
  return std::make_unique<NvlinkDomain>(card, gpu);
}

std::int64_t max_nodes(const ClusterCard& /*card*/) { return 1; }

}  // namespace

TopologyKind single_node_kind() {
  return {.name = "single_node",
          .has_switches = false,
          .has_rails = false,
          .is_torus = false,
          .make = make,
          .num_links = NodePorts::num_links,
          .max_nodes = max_nodes};
}

}  // namespace moesim
