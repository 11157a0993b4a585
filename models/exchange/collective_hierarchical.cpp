#include <vector>

#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {
namespace {

// Everybody of a node to everybody of it: part `to` of `bytes`, or (handing out) part `from`. Adds to done[rank] what
// came to it.
void add_in_nodes(const CollectiveRequest& request, bool hand_out, const std::vector<std::vector<std::int32_t>>& waits,
                  std::vector<std::vector<std::int32_t>>& came, PlanBuilder& builder) {
  const RankLayout layout = request.layout;
  for (int from = 0; from < layout.ranks; ++from) {
    const int first = layout.node_of(RankId{from}) * layout.ranks_per_node;
    for (int to = first; to < first + layout.ranks_per_node; ++to) {
      if (from == to) continue;
      const int piece = layout.local(RankId{hand_out ? from : to});
      came[static_cast<std::size_t>(to)].push_back(builder.add_call(RankId{from}, RankId{to},
                                                                    part(request.bytes, piece, layout.ranks_per_node),
                                                                    waits[static_cast<std::size_t>(from)]));
    }
  }
}

}  // namespace

// Each local rank gets its 1/G of the node's sum, takes it around the ring of its rail, and hands it out in the node.
void add_hierarchical(const CollectiveRequest& request, PlanBuilder& builder) {
  const RankLayout layout = request.layout;
  const int nodes = layout.nodes();
  MOESIM_CHECK(layout.ranks == nodes * layout.ranks_per_node, "{} ranks in nodes of {}", layout.ranks,
               layout.ranks_per_node);
  std::vector<std::vector<std::int32_t>> none(static_cast<std::size_t>(layout.ranks));
  auto ready = none;
  add_in_nodes(request, false, none, ready, builder);
  for (int step = 0; step < 2 * (nodes - 1); ++step) {
    auto after = none;
    for (int rank = 0; rank < layout.ranks; ++rank) {
      const Bytes own = part(request.bytes, layout.local(RankId{rank}), layout.ranks_per_node);
      const int node = layout.node_of(RankId{rank});
      const int to = (node + 1) % nodes * layout.ranks_per_node + layout.local(RankId{rank});
      const int piece = ((node - step - 1) % nodes + nodes) % nodes;
      const std::int32_t sent =
          builder.add_call(RankId{rank}, RankId{to}, part(own, piece, nodes), ready[static_cast<std::size_t>(rank)]);
      after[static_cast<std::size_t>(rank)].push_back(sent);
      after[static_cast<std::size_t>(to)].push_back(sent);
    }
    ready = std::move(after);
  }
  auto done = none;
  add_in_nodes(request, true, ready, done, builder);
}

}  // namespace moesim::detail
