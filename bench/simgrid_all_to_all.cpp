// The same all-to-all through moesim's flow network and through SimGrid, in one process: CPU seconds of both, one after
// the other, and how far the answers are apart. Nodes of 8 ranks, leaves of 32 (tests/sim/traffic.hpp), sizes
// 1 MiB * exp(0.7 * N(0, 1)), all flows at time zero.
//
//   simgrid_all_to_all [RANKS [REPEATS]]
//
// SimGrid: CM02 with factors 1 and no cross-traffic, which is max-min sharing; full updates, which are exact and for
// unequal sizes quicker than its lazy ones.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <fmt/format.h>
#include <simgrid/s4u.hpp>

#include "tests/sim/traffic.hpp"

namespace {

using namespace moesim;
using namespace moesim::test;
namespace s4u = simgrid::s4u;

double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Hosts of the ranks in one full zone with a route for each pair.
std::vector<s4u::Host*> build(const Traffic& traffic, int ranks) {
  s4u::NetZone* zone = s4u::create_full_zone("cluster");
  std::vector<s4u::Host*> hosts;
  std::vector<s4u::Link*> links;
  for (int rank = 0; rank < ranks; ++rank) hosts.push_back(zone->create_host(fmt::format("rank{}", rank), 1e9)->seal());
  for (std::size_t l = 0; l < traffic.links.size(); ++l) {
    links.push_back(zone->create_link(fmt::format("link{}", l), traffic.links[l].capacity.bytes_per_s()));
    links.back()->set_latency(0)->seal();
  }
  std::size_t flow = 0;
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from == to) continue;
      std::vector<s4u::LinkInRoute> route;
      for (const LinkId link : traffic.flows[flow].links) route.emplace_back(links[link.index()]);
      ++flow;
      zone->add_route(hosts[static_cast<std::size_t>(from)]->get_netpoint(),
                      hosts[static_cast<std::size_t>(to)]->get_netpoint(), nullptr, nullptr, route, false);
    }
  }
  zone->seal();
  return hosts;
}

struct SimGridRun {
  double cpu_s = 0;
  std::vector<double> finish_s;  // [flows]
};

SimGridRun run_simgrid(s4u::Engine& engine, const Traffic& traffic, int ranks) {
  const std::vector<s4u::Host*> hosts = build(traffic, ranks);
  SimGridRun run;
  run.finish_s.resize(traffic.flows.size());
  static int payload;
  const double before = cpu_s();
  const auto per_rank = static_cast<std::size_t>(ranks - 1);
  const auto destination = [&](std::size_t flow) {
    const std::size_t from = flow / per_rank;
    return flow % per_rank + (flow % per_rank >= from ? 1 : 0);
  };
  const auto mailbox = [](std::size_t flow) { return s4u::Mailbox::by_name(fmt::format("flow{}", flow)); };
  // An actor for each end of each flow: SimGrid walks all of an actor's activities whenever one of them ends.
  for (std::size_t flow = 0; flow < traffic.flows.size(); ++flow) {
    s4u::Actor::create("send", hosts[flow / per_rank], [&traffic, &mailbox, flow] {
      mailbox(flow)->put(&payload, static_cast<std::uint64_t>(traffic.flows[flow].bytes.count));
    });
    s4u::Actor::create("receive", hosts[destination(flow)], [&run, &mailbox, flow] {
      mailbox(flow)->get<int>();
      run.finish_s[flow] = s4u::Engine::get_clock();
    });
  }
  engine.run();
  run.cpu_s = cpu_s() - before;
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  s4u::Engine engine(&argc, argv);
  for (const char* setting : {"network/model:CM02", "network/TCP-gamma:0", "network/latency-factor:1",
                              "network/bandwidth-factor:1", "network/weight-S:0", "network/crosstraffic:0",
                              "network/optim:Full", "contexts/stack-size:16", "contexts/guard-size:0"}) {
    s4u::Engine::set_config(setting);
  }
  const int ranks = argc > 1 ? std::atoi(argv[1]) : 128;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto bytes = lognormal_bytes(ranks);
  const Traffic traffic =
      cluster_all_to_all(ranks, [&](int from, int to) { return bytes[static_cast<std::size_t>(from * ranks + to)]; });

  std::vector<double> moesim_s;
  Outcome outcome;
  for (int i = 0; i < repeats; ++i) {
    const double before = cpu_s();
    outcome = simulate(traffic);
    moesim_s.push_back(cpu_s() - before);
  }
  // An engine runs once in a process.
  const SimGridRun simgrid = run_simgrid(engine, traffic, ranks);
  double worst = 0;
  double simgrid_end = 0;
  for (std::size_t f = 0; f < traffic.flows.size(); ++f) {
    worst = std::max(worst, std::abs(simgrid.finish_s[f] / outcome.finish[f].seconds() - 1));
    simgrid_end = std::max(simgrid_end, simgrid.finish_s[f]);
  }
  const auto [least, most] = std::ranges::minmax(moesim_s);
  fmt::print("lognormal all-to-all, {} ranks, {} flows\n", ranks, traffic.flows.size());
  fmt::print("{:<28} {:>10} {:>14}\n", "", "CPU s", "makespan s");
  fmt::print("{:<28} {:>10.3f} {:>14.9f}   {:.3f} to {:.3f} in {} runs\n", "moesim, exact", median(moesim_s),
             outcome.end.seconds(), least, most, repeats);
  fmt::print("{:<28} {:>10.3f} {:>14.9f}   one run\n", "SimGrid, exact", simgrid.cpu_s, simgrid_end);
  fmt::print("SimGrid takes {:.0f} times as long; ends of flows differ by {:.1e} at most, relative\n",
             simgrid.cpu_s / median(moesim_s), worst);
}
