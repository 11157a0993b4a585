#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// One copy for each distinct destination rank; combine returns one partial sum for each, added up where the experts
// are.
ExchangePlan plan_rank_dedup(const ExchangeInput& input) { return plan_pairs(input, input.batch.rank_copies); }

}  // namespace moesim::detail
