#include "scenarios/group_collective.hpp"

#include <algorithm>

#include "scenarios/exchange_runner.hpp"

namespace moesim {

GroupCollectives::GroupCollectives(const Topology& topology, std::optional<ExchangeLibrary> library)
    : topology_(topology), library_(std::move(library)) {}

Picoseconds GroupCollectives::simulate(const CollectiveRequest& request, const std::vector<RankId>& group) {
  ExchangeOptions options;
  LinkUse use;
  if (library_) {
    apply_library(*library_, ExchangeDirection::dispatch, 1, options);
    use = {.scale_up = library_->constant_or("scale_up_efficiency", 1),
           .scale_out = library_->constant_or("scale_out_efficiency", 1)};
  }
  ExchangePlan plan = plan_collective(request, options);
  for (Message& message : plan.messages) {
    message.source = group[message.source.index()];
    message.destination = group[message.destination.index()];
  }
  Simulator simulator;
  ClusterNetwork network(simulator, topology_, use);
  return run_plan(plan, simulator, network, "collective");
}

Picoseconds GroupCollectives::time(CollectiveOp op, Bytes bytes, const std::vector<RankId>& group) {
  if (group.size() < 2 || bytes.count == 0) return {};
  const int node = topology_.node_of(group.front());
  const auto in_node =
      std::count_if(group.begin(), group.end(), [&](RankId rank) { return topology_.node_of(rank) == node; });
  const auto [at, is_new] = known_.try_emplace(
      {static_cast<int>(op), bytes.count, static_cast<int>(group.size()), static_cast<int>(in_node)});
  if (!is_new) return at->second;
  return at->second = simulate({.op = op,
                                .algorithm = CollectiveAlgorithm::ring,
                                .bytes = bytes,
                                .layout = {static_cast<int>(group.size()), static_cast<int>(in_node)},
                                .channels = static_cast<int>(in_node)},
                               group);
}

Picoseconds GroupCollectives::send(Bytes bytes, RankId source, RankId destination) {
  const std::vector<RankId> pair{source, destination};
  const int per_node = topology_.node_of(source) == topology_.node_of(destination) ? 2 : 1;
  const auto [at, is_new] = known_.try_emplace({-1, bytes.count, 2, per_node});
  if (!is_new) return at->second;
  return at->second = simulate({.op = CollectiveOp::send_recv,
                                .algorithm = CollectiveAlgorithm::direct,
                                .bytes = bytes,
                                .layout = {2, per_node}},
                               pair);
}

}  // namespace moesim
