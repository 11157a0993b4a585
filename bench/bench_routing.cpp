// Speed of routing: one item is one (token, expert) pair, from the draw to the counts of the RoutedBatch.
#include <cstdint>

#include <benchmark/benchmark.h>

#include "bench/deepseek_v3_router.hpp"
#include "models/routing/placement.hpp"
#include "models/routing/route_batch.hpp"

namespace {

using namespace moesim;
using bench::deepseek_v3_router;

struct Case {
  RouterSpec router;
  RankLayout layout;
  std::int64_t tokens_per_rank = 4096;
  RoutingPath path = RoutingPath::sampled;
};

void route(benchmark::State& state, const Case& c) {
  const auto placement = place_experts(PlacementKind::contiguous, c.router.num_experts, c.layout.ranks);
  std::uint64_t seed = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(route_batch(c.router, c.layout, placement, c.tokens_per_rank, seed++, c.path));
  }
  state.SetItemsProcessed(state.iterations() * c.layout.ranks * c.tokens_per_rank * c.router.top_k);
}

constexpr RankLayout kEp64{.ranks = 64, .ranks_per_node = 8};

RouterSpec with_capacity(RouterSpec spec) {
  spec.capacity = Capacity{.factor = 1.25, .scope = Capacity::Scope::rank};
  return spec;
}

// At a capacity factor of one, where much overflows.
RouterSpec capped(Capacity::Order order, Capacity::Overflow overflow) {
  RouterSpec spec = deepseek_v3_router(RoutingKind::top_k);
  spec.capacity = Capacity{.factor = 1, .scope = Capacity::Scope::rank, .order = order, .overflow = overflow};
  return spec;
}

// GShard and Switch on 2,048 cores.
RouterSpec one_expert_per_core(RoutingKind kind, int top_k) {
  RouterSpec spec;
  spec.kind = kind;
  spec.num_experts = 2048;
  spec.top_k = top_k;
  return with_capacity(spec);
}

constexpr Skew kZipf{SkewKind::zipf, 1.0};
constexpr RankLayout kCores2048{.ranks = 2048, .ranks_per_node = 8};

BENCHMARK_CAPTURE(route, top_k, Case{deepseek_v3_router(RoutingKind::top_k), kEp64})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_k_zipf, Case{deepseek_v3_router(RoutingKind::top_k, kZipf), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_k_capacity, Case{with_capacity(deepseek_v3_router(RoutingKind::top_k)), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_k_by_score, Case{capped(Capacity::Order::score, Capacity::Overflow::drop), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_k_reroute, Case{capped(Capacity::Order::position, Capacity::Overflow::reroute), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, node_limited, Case{deepseek_v3_router(RoutingKind::node_limited), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, node_limited_zipf, Case{deepseek_v3_router(RoutingKind::node_limited, kZipf), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, device_limited, Case{deepseek_v3_router(RoutingKind::device_limited), kEp64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_1_of_2048, Case{one_expert_per_core(RoutingKind::top_1, 1), kCores2048, 2048})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_2_of_2048,
                  Case{one_expert_per_core(RoutingKind::top_2_random_second, 2), kCores2048, 2048})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, noisy_top_k, Case{deepseek_v3_router(RoutingKind::noisy_top_k), kEp64, 512})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, expert_choice, Case{deepseek_v3_router(RoutingKind::expert_choice), kEp64, 512})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(route, top_k_from_features,
                  Case{deepseek_v3_router(RoutingKind::top_k), kEp64, 64, RoutingPath::logits})
    ->Unit(benchmark::kMillisecond);

}  // namespace
