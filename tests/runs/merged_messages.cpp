#include "models/routing/placement.hpp"
#include "models/routing/route_batch.hpp"
#include "scenarios/cluster_card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/layer_graph.hpp"
#include "tests/catch.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

struct Exchanged {
  Picoseconds time;
  std::vector<Bytes> carried;  // [links]
};

Exchanged exchanged(const ExchangePlan& plan, const Topology& topology, bool merged) {
  Simulator simulator;
  ClusterNetwork network(simulator, topology);
  TaskGraph graph(simulator, network.flows());
  LayerGraph layer(graph, network, topology.num_ranks());
  if (merged) {
    const std::vector<RankKernels> nothing(static_cast<std::size_t>(topology.num_ranks()));
    layer.add_pass(LayerPass::forward, plan, ExchangePlan{}, nothing, true);
  } else {
    const PhaseId phase = graph.add_phase("exchange");
    for (const Message& message : plan.messages) {
      graph.add_transfer(flow_spec(plan, message, network.route(message.source, message.destination)), phase);
    }
  }
  graph.run();
  Exchanged result{graph.makespan(), {}};
  for (std::size_t i = 0; i < topology.links().size(); ++i) {
    result.carried.push_back(network.bytes_carried(LinkId{static_cast<std::int64_t>(i)}));
  }
  return result;
}

TEST_CASE("the cores of a chip can send as one", "[diff][runs]") {
  // Eight chips of two cores. All ranks start together, so that identical flows told of as one are the same flows.
  const auto direction = GENERATE(ExchangeDirection::dispatch, ExchangeDirection::combine);
  const auto seed = GENERATE(range(1u, 6u));
  CAPTURE(direction == ExchangeDirection::dispatch, seed);
  const ClusterCard card = catalog_cluster_card("tpu-v3-torus");
  const auto topology = make_topology(card, catalog_gpu_card(card.gpu), 8);
  REQUIRE(topology->num_ranks() == 16);
  const RankLayout layout{.ranks = 16, .ranks_per_node = topology->ranks_per_node()};
  RouterSpec router;
  router.kind = RoutingKind::top_k;
  router.num_experts = 32;
  router.top_k = 2;
  // Few copies, so that many messages of a chip are alike and many are not.
  const RoutedBatch batch = route_batch(router, layout, place_experts(PlacementKind::contiguous, 32, 16), 40, seed);
  const ExchangePlan plan =
      plan_exchange(ExchangeAlgorithm::direct, direction, batch, wire_format(1024, DataType::bf16));
  const Exchanged one_by_one = exchanged(plan, *topology, false);
  const Exchanged merged = exchanged(plan, *topology, true);
  CHECK(merged.time == one_by_one.time);
  CHECK(merged.carried == one_by_one.carried);
}

}  // namespace
}  // namespace moesim
