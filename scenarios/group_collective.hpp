#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "models/exchange/collective.hpp"
#include "models/exchange/library.hpp"
#include "scenarios/cluster_network.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// Times of collectives among any ranks of a cluster, each simulated alone on the network, by rings, once for each
// number of ranks and of ranks in a node. Groups that run at once do not disturb one another here.
class GroupCollectives {
 public:
  // With the constants of `library`; without one nothing but the wire takes time.
  GroupCollectives(const Topology& topology, std::optional<ExchangeLibrary> library);

  // `bytes` as CollectiveRequest has them. Ranks of a node stand next to one another in `group`.
  Picoseconds time(CollectiveOp op, Bytes bytes, const std::vector<RankId>& group);
  Picoseconds send(Bytes bytes, RankId source, RankId destination);

 private:
  Picoseconds simulate(const CollectiveRequest& request, const std::vector<RankId>& group);
  // Of a ring of more ranks than are simulated: each of its steps takes as long as any, so that two shorter rings whose
  // ranks send pieces as large tell what a step takes, and what comes on top.
  Picoseconds longer_ring(const CollectiveRequest& request, const std::vector<RankId>& group);

  const Topology& topology_;
  std::optional<ExchangeLibrary> library_;
  // By operation, bytes, ranks, and ranks in a node: groups that agree in these are alike on a cluster of equal nodes.
  std::map<std::tuple<int, std::int64_t, int, int>, Picoseconds> known_;
};

}  // namespace moesim
