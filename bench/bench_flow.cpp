// The flow network: flows/s through it, for traffic that is easy (all flows end together), hard (every end changes
// rates on much of the network) and separate (every end concerns one node or rail).
#include <cstdint>
#include <limits>
#include <memory>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <benchmark/benchmark.h>

#include "sim/rng.hpp"
#include "tests/sim/traffic.hpp"

namespace {

using namespace moesim;
using namespace moesim::test;

void report(benchmark::State& state, const Traffic& traffic, const Options& options) {
  std::uint64_t sharings = 0;
  for (auto _ : state) sharings = simulate(traffic, options).sharings;
  const auto flows = static_cast<double>(traffic.flows.size());
  state.counters["flows"] = flows;
  state.counters["sharings"] = static_cast<double>(sharings);
  state.counters["flows/s"] =
      benchmark::Counter(flows * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

Traffic lognormal_all_to_all(int ranks) {
  const auto bytes = lognormal_bytes(ranks);
  return cluster_all_to_all(ranks,
                            [&](int from, int to) { return bytes[static_cast<std::size_t>(from * ranks + to)]; });
}

// From the first start to the last end, without what sets up links and routes. After the first iteration memory is
// warm: it is kept, since fresh pages from the system can cost more than all that is done with them.
void uniform(benchmark::State& state, bool classes) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
  const Bytes per_pair{1 << 20};
  const Traffic traffic = cluster_all_to_all(static_cast<int>(state.range(0)), [&](int, int) { return per_pair; });
  std::uint64_t found = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Simulator simulator;
    auto network = std::make_unique<FlowNetwork>(simulator, traffic.links);
    network->use_classes(classes);
    std::vector<RouteId> routes;
    for (const TrafficFlow& flow : traffic.flows) routes.push_back(network->add_route(flow.links));
    state.ResumeTiming();
    for (const RouteId route : routes) network->start({.route = route, .bytes = per_pair});
    simulator.run();
    state.PauseTiming();
    found = network->classes();
    network.reset();
    state.ResumeTiming();
  }
  state.counters["flows"] = static_cast<double>(traffic.flows.size());
  state.counters["classes"] = static_cast<double>(found);
}

void lognormal(benchmark::State& state) { report(state, lognormal_all_to_all(static_cast<int>(state.range(0))), {}); }

void lognormal_to_a_thousandth(benchmark::State& state) {
  report(state, lognormal_all_to_all(static_cast<int>(state.range(0))), {.tolerance = 1e-3});
}

// Two hops: rank to rank of the same rail, then rank to rank of the same node, each 1 MiB * exp(0.7 * N(0, 1)). Nodes
// and rails share no links.
void two_hop(benchmark::State& state) {
  const int nodes = static_cast<int>(state.range(0));
  const int ranks = nodes * kRanksPerNode;
  Traffic traffic;
  for (int i = 0; i < 2 * ranks; ++i) traffic.links.push_back({kNvlink, {}});
  for (int i = 0; i < 2 * ranks; ++i) traffic.links.push_back({kNic, {}});
  Rng random(1, 0);
  const auto draw = [&] { return Bytes{static_cast<std::int64_t>(1048576 * std::exp(0.7 * random.normal()))}; };
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from == to) continue;
      if (from / kRanksPerNode == to / kRanksPerNode) {
        traffic.flows.push_back({{LinkId{from}, LinkId{ranks + to}}, draw(), {}, {}, {}, 1});
      } else if (from % kRanksPerNode == to % kRanksPerNode) {
        traffic.flows.push_back({{LinkId{2 * ranks + from}, LinkId{3 * ranks + to}}, draw(), {}, {}, {}, 1});
      }
    }
  }
  report(state, traffic, {});
}

BENCHMARK_CAPTURE(uniform, classes, true)->RangeMultiplier(2)->Range(64, 1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(uniform, one_by_one, false)->RangeMultiplier(2)->Range(64, 1024)->Unit(benchmark::kMillisecond);
BENCHMARK(lognormal)->RangeMultiplier(2)->Range(32, 256)->Unit(benchmark::kMillisecond);
BENCHMARK(lognormal_to_a_thousandth)->RangeMultiplier(2)->Range(128, 512)->Unit(benchmark::kMillisecond);
BENCHMARK(two_hop)->RangeMultiplier(4)->Range(4, 64)->Unit(benchmark::kMillisecond);

}  // namespace
