#include <array>

#include "models/exchange/collective.hpp"
#include "models/exchange/plan_builder.hpp"

namespace moesim {

ExchangePlan plan_all_to_all(int ranks, std::span<const Bytes> sizes, bool in_steps, const ExchangeOptions& options) {
  const auto n = static_cast<std::size_t>(ranks);
  MOESIM_CHECK(sizes.size() == n * n, "{} sizes of {} ranks", sizes.size(), ranks);
  detail::PlanBuilder builder(options);
  for (int step = 1; step < ranks; ++step) {
    for (int from = 0; from < ranks; ++from) {
      const int to = (from + step) % ranks;
      const Bytes bytes = sizes[static_cast<std::size_t>(from) * n + static_cast<std::size_t>(to)];
      if (!in_steps || step == 1) {
        builder.add_call(RankId{from}, RankId{to}, bytes);
        continue;
      }
      // What the rank sent in the step before, and what it received.
      const int before = (step - 2) * ranks;
      const std::array<std::int32_t, 2> waits{before + from, before + (from - (step - 1) + ranks) % ranks};
      builder.add_call(RankId{from}, RankId{to}, bytes, waits);
    }
  }
  return builder.take();
}

}  // namespace moesim
