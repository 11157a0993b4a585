#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// One message a pair with one copy for each chosen expert, all at once. Padded: the same bytes for every pair.
ExchangePlan plan_direct(const ExchangeInput& input) {
  if (!input.options.padded_slots_per_expert) return plan_pairs(input, input.batch.expert_copies);
  const int ranks = input.batch.layout.ranks;
  const Bytes bytes = padded_copies(input) * input.copy;
  PlanBuilder builder(input);
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from != to) builder.add_call(RankId{from}, RankId{to}, bytes);
    }
  }
  return builder.take();
}

}  // namespace moesim::detail
