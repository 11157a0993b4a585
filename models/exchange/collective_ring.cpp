#include <array>

#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {
namespace {

// Rank r sends to r + 1. In a step it passes on what it got in the one before.
void add_steps(const CollectiveRequest& request, int steps, PlanBuilder& builder) {
  const int ranks = request.layout.ranks;
  for (int step = 0; step < steps; ++step) {
    for (int rank = 0; rank < ranks; ++rank) {
      // Piece p starts at rank p (all_gather) or p + 1 (reduce_scatter, so that its sum ends at p) and is at rank
      // start + step now; all_reduce's second round goes on where the sums are.
      const int offset = request.op == CollectiveOp::all_gather ? 0 : 1;
      const int piece = ((rank - step - offset) % ranks + ranks) % ranks;
      const Bytes bytes = part(request.bytes, piece, ranks);
      const RankId to{(rank + 1) % ranks};
      if (step == 0) {
        builder.add_call(RankId{rank}, to, bytes);
        continue;
      }
      const int before = (step - 1) * ranks;
      const std::array<std::int32_t, 2> waits{before + (rank + ranks - 1) % ranks, before + rank};
      builder.add_call(RankId{rank}, to, bytes, waits);
    }
  }
}

// From rank 0 around to the last, in chunks.
void add_broadcast(const CollectiveRequest& request, PlanBuilder& builder) {
  const int hops = request.layout.ranks - 1;
  for (int chunk = 0; chunk < request.chunks; ++chunk) {
    for (int rank = 0; rank < hops; ++rank) {
      const std::int32_t at = chunk * hops + rank;
      std::array<std::int32_t, 2> waits{};
      std::size_t count = 0;
      if (rank > 0) waits[count++] = at - 1;
      if (chunk > 0) waits[count++] = at - hops;
      builder.add_call(RankId{rank}, RankId{rank + 1}, part(request.bytes, chunk, request.chunks),
                       std::span(waits).first(count));
    }
  }
}

}  // namespace

void add_ring(const CollectiveRequest& request, PlanBuilder& builder) {
  const int steps = request.layout.ranks - 1;
  if (request.op == CollectiveOp::broadcast) return add_broadcast(request, builder);
  add_steps(request, request.op == CollectiveOp::all_reduce ? 2 * steps : steps, builder);
}

}  // namespace moesim::detail
