#include "scenarios/equal_exchange.hpp"

#include <algorithm>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "sim/task_graph.hpp"
#include "tests/catch.hpp"
#include "topologies/topology_kind.hpp"

namespace moesim {
namespace {

ExchangePlan equal_messages(int ranks, Bytes bytes) {
  ExchangePlan plan;
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from != to) plan.messages.push_back({.source = RankId{from}, .destination = RankId{to}, .bytes = bytes});
    }
  }
  return plan;
}

Picoseconds simulated(const ExchangePlan& plan, ClusterNetwork& network, Simulator& simulator) {
  TaskGraph graph(simulator, network.flows());
  const PhaseId phase = graph.add_phase("exchange");
  for (const Message& message : plan.messages) {
    graph.add_transfer(flow_spec(plan, message, network.route(message.source, message.destination)), phase);
  }
  graph.run();
  return graph.makespan();
}

TEST_CASE("an equal exchange takes what its simulation takes, but for latency", "[oracle][runs]") {
  // docs/models/flow_network.md: bytes * max(flows / capacity) <= time <= that + the longest latency. Without latency
  // both bounds are one.
  const std::string card_name = GENERATE(std::string("tpu-v3-torus"), std::string("tpu-v4-torus"),
                                         std::string("h100-ib"), std::string("fat-tree-3"), std::string("h100-node"));
  const bool latency = GENERATE(true, false);
  CAPTURE(card_name, latency);
  ClusterCard card = catalog_cluster_card(card_name);
  if (!latency) {
    card.scale_up_latency = card.nic_latency = card.switch_latency = card.on_chip_latency = Picoseconds{};
  }
  const int nodes = std::min(32 / card.ranks_per_node, card_name == "h100-node" ? 1 : 1024);
  const auto topology = make_topology(card, catalog_gpu_card(card.gpu), nodes);
  const ExchangePlan plan = equal_messages(topology->num_ranks(), {300'000});

  Simulator simulator;
  ClusterNetwork network(simulator, *topology);
  const Picoseconds exact = simulated(plan, network, simulator);
  std::vector<Bytes> carried;
  for (std::size_t i = 0; i < topology->links().size(); ++i) {
    carried.push_back(network.bytes_carried(LinkId{static_cast<std::int64_t>(i)}));
  }

  Simulator idle;
  ClusterNetwork booked(idle, *topology);
  const auto equal = equal_exchange(plan, booked, 0);
  REQUIRE(equal);
  CHECK(exact <= equal->time + Picoseconds{1});
  CHECK(exact + equal->latency + Picoseconds{1} >= equal->time);
  for (std::size_t i = 0; i < carried.size(); ++i) {
    CHECK(booked.bytes_carried(LinkId{static_cast<std::int64_t>(i)}) == carried[i]);
  }
}

TEST_CASE("messages that differ, wait or are few are simulated", "[runs]") {
  const ClusterCard card = catalog_cluster_card("h100-node");
  const auto topology = make_topology(card, catalog_gpu_card(card.gpu), 1);
  Simulator simulator;
  ClusterNetwork network(simulator, *topology);
  ExchangePlan plan = equal_messages(8, {1'000});
  CHECK_FALSE(equal_exchange(plan, network));
  CHECK(equal_exchange(plan, network, 55));
  plan.messages.back().bytes = {1'001};
  CHECK_FALSE(equal_exchange(plan, network, 55));
  plan.messages.back().bytes = {1'000};
  plan.messages.back().num_waits = 1;
  CHECK_FALSE(equal_exchange(plan, network, 55));
}

}  // namespace
}  // namespace moesim
