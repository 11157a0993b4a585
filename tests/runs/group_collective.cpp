#include "scenarios/group_collective.hpp"

#include <nlohmann/json.hpp>

#include "scenarios/cluster_topology.hpp"
#include "scenarios/exchange_runner.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/library_json.hpp"
#include "scenarios/scenario_json.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

Scenario cluster(const std::string& card) {
  return parse_scenario(parse_json(R"({"schema": 1, "cluster": {"card": ")" + card + R"(", "nodes": 16},
      "workload": {"kind": "collective", "op": "all_gather", "bytes": 1}})",
                                   "test"),
                        "test");
}

std::vector<RankId> every(int step, int count) {
  std::vector<RankId> ranks;
  for (int i = 0; i < count; ++i) ranks.push_back(RankId{i * step});
  return ranks;
}

TEST_CASE("a long ring follows from two short ones", "[oracle][runs]") {
  const Scenario scenario = cluster("h100-ib");
  const auto topology = build_topology(scenario);
  for (const auto& library : {std::optional<ExchangeLibrary>{}, library_for("nccl_ring", "h100")}) {
    GroupCollectives collectives(*topology, library);
    for (const CollectiveOp op : {CollectiveOp::all_gather, CollectiveOp::reduce_scatter, CollectiveOp::all_reduce}) {
      for (const auto& [group, in_node] : {std::pair{every(1, 128), 8}, {every(8, 16), 1}, {every(4, 32), 2}}) {
        const Bytes bytes{std::int64_t{1} << 30};
        CAPTURE(group.size(), in_node, static_cast<int>(op));
        ExchangeOptions options;
        LinkUse use;
        if (library) {
          apply_library(*library, ExchangeDirection::dispatch, 1, options);
          use = {.scale_up = library->constant_or("scale_up_efficiency", 1),
                 .scale_out = library->constant_or("scale_out_efficiency", 1)};
        }
        ExchangePlan plan = plan_collective({.op = op,
                                             .algorithm = CollectiveAlgorithm::ring,
                                             .bytes = bytes,
                                             .layout = {static_cast<int>(group.size()), in_node},
                                             .channels = in_node},
                                            options);
        for (Message& message : plan.messages) {
          message.source = group[message.source.index()];
          message.destination = group[message.destination.index()];
        }
        Simulator simulator;
        ClusterNetwork network(simulator, *topology, use);
        const Picoseconds whole = run_plan(plan, simulator, network, "ring");
        CHECK(collectives.time(op, bytes, group).us() == Approx(whole.us()).epsilon(0.005));
      }
    }
  }
}

TEST_CASE("a group of one, or nothing to send, takes no time", "[runs]") {
  const Scenario scenario = cluster("h100-ib");
  const auto topology = build_topology(scenario);
  GroupCollectives collectives(*topology, std::nullopt);
  CHECK(collectives.time(CollectiveOp::all_reduce, {1000}, {RankId{3}}) == Picoseconds::zero());
  CHECK(collectives.time(CollectiveOp::all_reduce, {0}, every(1, 8)) == Picoseconds::zero());
}

}  // namespace
}  // namespace moesim
