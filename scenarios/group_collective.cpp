#include "scenarios/group_collective.hpp"

#include <algorithm>
#include <cmath>

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
  return at->second = longer_ring({.op = op,
                                   .algorithm = CollectiveAlgorithm::ring,
                                   .bytes = bytes,
                                   .layout = {static_cast<int>(group.size()), static_cast<int>(in_node)},
                                   .channels = static_cast<int>(in_node)},
                                  group);
}

Picoseconds GroupCollectives::longer_ring(const CollectiveRequest& request, const std::vector<RankId>& group) {
  constexpr int kFewRanks = 8;
  const int in_node = request.layout.ranks_per_node;
  const int few = in_node * std::max(2, kFewRanks / in_node);
  const int ranks = request.layout.ranks;
  if (ranks <= 2 * few) return simulate(request, group);
  const auto shorter = [&](int count) {
    CollectiveRequest ring = request;
    ring.layout.ranks = count;
    ring.bytes = {request.bytes.count / ranks * count};
    return simulate(ring, {group.begin(), group.begin() + count}).count;
  };
  const std::int64_t first = shorter(few);
  const std::int64_t second = shorter(2 * few);
  // Both have a step for each rank, or two (all_reduce): time is affine in the number of ranks.
  const double a_rank = static_cast<double>(second - first) / few;
  return {first + static_cast<std::int64_t>(std::ceil(a_rank * (ranks - few)))};
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
