#include <algorithm>

#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// One copy for each distinct destination rank; combine returns one partial sum for each, added up where the experts
// are.
ExchangePlan plan_rank_dedup(const ExchangeInput& input) {
  ExchangePlan plan = plan_pairs(input, input.batch.rank_copies);
  const bool dispatch = input.direction == ExchangeDirection::dispatch;
  for (Message& message : plan.messages) {
    const RankId from = dispatch ? message.source : message.destination;
    message.pacing = std::max(message.pacing, copying(input, row_sum(input.batch.rank_copies, from.value)));
  }
  return plan;
}

}  // namespace moesim::detail
