#include "tests/sim/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace moesim::test {
namespace {

constexpr double kMiB = 1048576;

class Run final : public EventHandler, public FlowListener {
 public:
  Run(const Traffic& traffic, const Options& options) : traffic_(traffic), network_(simulator_, traffic.links) {
    network_.set_listener(this);
    if (options.observer != nullptr) network_.set_observer(options.observer);
    network_.use_classes(options.classes);
    if (options.check_every_sharing) network_.check_every_sharing();
    if (options.tolerance > 0) network_.set_tolerance(options.tolerance);
    routes_.resize(traffic.flows.size());
    if (!options.late_routes) {
      for (std::size_t f = 0; f < routes_.size(); ++f) routes_[f] = network_.add_route(traffic.flows[f].links);
    }
    outcome_.finish.resize(traffic.flows.size(), Picoseconds{-1});
  }

  Outcome run() {
    for (std::size_t f = 0; f < traffic_.flows.size(); ++f) {
      if (starts_with_the_one_before(f)) continue;
      simulator_.schedule(traffic_.flows[f].start, *this, f);
    }
    simulator_.run();
    for (std::size_t l = 0; l < traffic_.links.size(); ++l) {
      outcome_.carried.push_back(network_.bytes_carried(LinkId{static_cast<std::int64_t>(l)}));
    }
    outcome_.sharings = network_.sharings();
    outcome_.flows_in_classes = network_.flows_in_classes();
    outcome_.classes = network_.classes();
    outcome_.end = simulator_.now();
    return outcome_;
  }

  void on_event(std::uint64_t payload) override {
    std::size_t f = payload;
    do {
      start(f++);
    } while (f < traffic_.flows.size() && starts_with_the_one_before(f));
  }

  void on_flow_finished(FlowId, std::uint64_t tag) override { outcome_.finish[tag] = simulator_.now(); }

 private:
  bool starts_with_the_one_before(std::size_t f) const {
    return f > 0 && traffic_.flows[f].start == traffic_.flows[f - 1].start;
  }

  void start(std::size_t f) {
    const TrafficFlow& flow = traffic_.flows[f];
    if (!routes_[f].valid()) routes_[f] = network_.add_route(flow.links);
    network_.start({.route = routes_[f],
                    .bytes = flow.bytes,
                    .start_up = flow.start_up,
                    .rate_cap = flow.rate_cap,
                    .multiplicity = flow.multiplicity,
                    .weight = flow.weight,
                    .tag = f});
  }

  const Traffic& traffic_;
  Simulator simulator_;
  FlowNetwork network_;
  std::vector<RouteId> routes_;
  Outcome outcome_;
};

void add_ports(Traffic& traffic, int count, Bandwidth capacity) {
  for (int i = 0; i < count; ++i) traffic.links.push_back({capacity, {}});
}

}  // namespace

Outcome simulate(const Traffic& traffic, const Options& options) { return Run(traffic, options).run(); }

Traffic single_switch_all_to_all(int ranks, Bandwidth port, const BytesOfPair& bytes) {
  Traffic traffic;
  add_ports(traffic, 2 * ranks, port);
  for (int source = 0; source < ranks; ++source) {
    for (int destination = 0; destination < ranks; ++destination) {
      if (source == destination) continue;
      traffic.flows.push_back(
          {{LinkId{source}, LinkId{ranks + destination}}, bytes(source, destination), {}, {}, {}, 1});
    }
  }
  return traffic;
}

Traffic cluster_all_to_all(int ranks, const BytesOfPair& bytes) {
  const int leaves = (ranks + kRanksPerLeaf - 1) / kRanksPerLeaf;
  Traffic traffic;
  add_ports(traffic, 2 * ranks, kNvlink);
  add_ports(traffic, 2 * ranks, kNic);
  add_ports(traffic, 2 * leaves, kRanksPerLeaf * kNic);
  const auto route = [&](int source, int destination) -> std::vector<LinkId> {
    if (source / kRanksPerNode == destination / kRanksPerNode) return {LinkId{source}, LinkId{ranks + destination}};
    const LinkId nic_out{2 * ranks + source};
    const LinkId nic_in{3 * ranks + destination};
    if (source / kRanksPerLeaf == destination / kRanksPerLeaf) return {nic_out, nic_in};
    return {nic_out, LinkId{4 * ranks + source / kRanksPerLeaf},
            LinkId{4 * ranks + leaves + destination / kRanksPerLeaf}, nic_in};
  };
  for (int source = 0; source < ranks; ++source) {
    for (int destination = 0; destination < ranks; ++destination) {
      if (source == destination) continue;
      traffic.flows.push_back({route(source, destination), bytes(source, destination), {}, {}, {}, 1});
    }
  }
  return traffic;
}

std::vector<Bytes> lognormal_bytes(int ranks) {
  std::mt19937_64 random(12345);
  std::vector<Bytes> bytes;
  for (int pair = 0; pair < ranks * ranks; ++pair) {
    // Box-Muller, so that the numbers are the same with every standard library.
    const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
    const double v = static_cast<double>(random() >> 11) * 0x1p-53;
    const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
    bytes.push_back({static_cast<std::int64_t>(std::max(1.0, std::floor(kMiB * std::exp(0.7 * normal))))});
  }
  return bytes;
}

}  // namespace moesim::test
