#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {

// The switches add what the ranks push in and copy the sum out, so that every port carries S once each way instead of
// 2 (n - 1) / n times: NVLink SHARP (NVLS) in one domain. A route joins a rank's way in to another's way out; a message
// of S from every rank to the next therefore loads each port as the switch does.
void add_in_network(const CollectiveRequest& request, PlanBuilder& builder) {
  const int ranks = request.layout.ranks;
  for (int rank = 0; rank < ranks && ranks > 1; ++rank) {
    builder.add_call(RankId{rank}, RankId{(rank + 1) % ranks}, request.bytes);
  }
}

}  // namespace moesim::detail
