#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// One copy for each distinct destination node over the NIC, to the rank there with the source's local index, which
// hands it to the ranks that need it. Combine: each rank of the node gives that rank one partial sum a token, and one
// sum crosses.
ExchangePlan plan_two_hop(const ExchangeInput& input) {
  return plan_hierarchical(input, input.batch.node_copies, input.batch.rank_copies);
}

}  // namespace moesim::detail
