#include <array>

#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// P - 1 steps. In step j rank r sends to r + j and receives from r - j (combine: the other way round), and begins only
// when its send and its receive of step j - 1 are over. A pair without copies still takes its step.
ExchangePlan plan_pairwise(const ExchangeInput& input) {
  const int ranks = input.batch.layout.ranks;
  const bool padded = input.options.padded_slots_per_expert.has_value();
  const std::int64_t padding = padded ? padded_copies(input) : 0;
  const auto pairs = static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks - 1);
  PlanBuilder builder(input);
  builder.reserve(pairs, 2 * pairs);
  for (int step = 1; step < ranks; ++step) {
    for (int from = 0; from < ranks; ++from) {
      const int to = (from + step) % ranks;
      const Bytes bytes = (padded ? padding : input.batch.expert_copies.at(from, to)) * input.copy;
      if (step == 1) {
        builder.add_call(RankId{from}, RankId{to}, bytes);
        continue;
      }
      // In step j the message of pair (from, from + j) stands at (j - 1) * P + from. The sender of this one (combine:
      // `to`) took part in two pairs of the step before: as the pair's first rank and as its second.
      const int sender = input.direction == ExchangeDirection::dispatch ? from : to;
      const int base = (step - 2) * ranks;
      const int as_second = (sender - (step - 1) + ranks) % ranks;
      const std::array<std::int32_t, 2> waits{base + sender, base + as_second};
      builder.add_call(RankId{from}, RankId{to}, bytes, waits);
    }
  }
  return builder.take();
}

}  // namespace moesim::detail
