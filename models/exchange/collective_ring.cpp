#include <array>
#include <vector>

#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {
namespace {

// The ranks in the order of a channel's ring, node by node. Each channel turns the order in a node on, so that it
// enters and leaves by other ranks than the others do; every other node goes the other way around, so that a ring
// leaves a node by the local rank by which it enters the next: on one rail. In one node: 0, 1, ...
std::vector<int> ring_order(const RankLayout& layout, int channel, int channels) {
  std::vector<int> order;
  for (int node = 0; node < layout.nodes(); ++node) {
    const int first = node * layout.ranks_per_node;
    const int size = std::min(layout.ranks_per_node, layout.ranks - first);
    const int begin = channel * layout.ranks_per_node / channels;
    for (int i = 0; i < size; ++i) {
      const int turn = node % 2 == 0 ? i : size - 1 - i;
      order.push_back(first + (begin + turn) % size);
    }
  }
  return order;
}

// Each rank sends to the next of `order`. In a step it passes on what it got in the one before.
void add_steps(const CollectiveRequest& request, Bytes whole, const std::vector<int>& order, int steps,
               PlanBuilder& builder) {
  const int ranks = request.layout.ranks;
  // One step more than there are messages: the last piece that comes is copied to where it belongs.
  for (const int rank : order) builder.add_local_copy(RankId{rank}, part(whole, 0, ranks));
  std::vector<std::int32_t> before(order.size());  // The last step's message from each position.
  std::vector<std::int32_t> now(order.size());
  for (int step = 0; step < steps; ++step) {
    for (int at = 0; at < ranks; ++at) {
      // The piece of position p starts there (all_gather) or at p + 1 (reduce_scatter, so that its sum ends at p) and
      // is `step` further now; all_reduce's second round goes on where the sums are.
      const int offset = request.op == CollectiveOp::all_gather ? 0 : 1;
      const auto piece = static_cast<std::size_t>(((at - step - offset) % ranks + ranks) % ranks);
      const auto i = static_cast<std::size_t>(at);
      const auto previous = static_cast<std::size_t>((at + ranks - 1) % ranks);
      const Bytes bytes = part(whole, order[piece], ranks);
      const RankId from{order[i]};
      const RankId to{order[static_cast<std::size_t>((at + 1) % ranks)]};
      const std::array<std::int32_t, 2> waits{before[previous], before[i]};
      now[i] = builder.add_call(from, to, bytes, std::span(waits).first(step == 0 ? 0 : waits.size()));
    }
    std::swap(before, now);
  }
}

// From rank 0 around to the one before it, in chunks.
void add_broadcast(const CollectiveRequest& request, Bytes whole, std::vector<int> order, PlanBuilder& builder) {
  std::rotate(order.begin(), std::find(order.begin(), order.end(), 0), order.end());
  const std::size_t hops = order.size() - 1;
  std::vector<std::int32_t> last(hops);  // Over each hop.
  for (int chunk = 0; chunk < request.chunks; ++chunk) {
    for (std::size_t hop = 0; hop < hops; ++hop) {
      std::array<std::int32_t, 2> waits{};
      std::size_t count = 0;
      if (hop > 0) waits[count++] = last[hop - 1];
      if (chunk > 0) waits[count++] = last[hop];
      last[hop] = builder.add_call(RankId{order[hop]}, RankId{order[hop + 1]}, part(whole, chunk, request.chunks),
                                   std::span(waits).first(count));
    }
  }
}

}  // namespace

void add_ring(const CollectiveRequest& request, PlanBuilder& builder) {
  const int steps = request.layout.ranks - 1;
  const int rings = channels(request);
  for (int ring = 0; ring < rings; ++ring) {
    const Bytes whole = part(request.bytes, ring, rings);
    const std::vector<int> order = ring_order(request.layout, ring, rings);
    if (request.op == CollectiveOp::broadcast) {
      add_broadcast(request, whole, order, builder);
    } else {
      add_steps(request, whole, order, request.op == CollectiveOp::all_reduce ? 2 * steps : steps, builder);
    }
  }
}

}  // namespace moesim::detail
