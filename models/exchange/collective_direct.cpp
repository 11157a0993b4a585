#include <vector>

#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {

// all_gather: everybody's part to everybody; reduce_scatter: to everybody its part, which it adds up. all_reduce is the
// one after the other: a rank hands its sum out when all parts of it have come.
void add_direct(const CollectiveRequest& request, PlanBuilder& builder) {
  const int ranks = request.layout.ranks;
  if (request.op == CollectiveOp::send_recv) {
    builder.add_call(request.source, request.destination, request.bytes);
    return;
  }
  if (request.op == CollectiveOp::broadcast) {
    for (int to = 1; to < ranks; ++to) builder.add_call(RankId{0}, RankId{to}, request.bytes);
    return;
  }
  std::vector<std::vector<std::int32_t>> came(static_cast<std::size_t>(ranks));
  if (request.op != CollectiveOp::all_gather) {
    for (int from = 0; from < ranks; ++from) {
      for (int to = 0; to < ranks; ++to) {
        if (from == to) continue;
        came[static_cast<std::size_t>(to)].push_back(
            builder.add_call(RankId{from}, RankId{to}, part(request.bytes, to, ranks)));
      }
    }
  }
  if (request.op == CollectiveOp::reduce_scatter) return;
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from == to) continue;
      builder.add_call(RankId{from}, RankId{to}, part(request.bytes, from, ranks),
                       came[static_cast<std::size_t>(from)]);
    }
  }
}

}  // namespace moesim::detail
