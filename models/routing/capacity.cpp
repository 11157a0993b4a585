#include "models/routing/capacity.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/check.hpp"

namespace moesim {

std::int64_t capacity_slots(const RouterSpec& router, std::int64_t tokens) {
  // So that a factor such as 1.15 of 100 is 115, although 1.15 * 100 is a little less in binary.
  constexpr double kRounding = 1e-9;
  const std::int64_t mean = tokens * router.top_k / router.num_experts;
  const double factor = router.capacity ? router.capacity->factor : 1.0;
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(std::floor(static_cast<double>(mean) * factor + kRounding)));
}

void drop_overflow(int experts, std::int64_t slots, Choices& choices) {
  MOESIM_CHECK(choices.shares.size() == choices.experts.size(), "{} shares of {} choices", choices.shares.size(),
               choices.experts.size());
  std::vector<std::int64_t> accepted(static_cast<std::size_t>(experts));
  const auto stride = static_cast<std::size_t>(choices.slots);
  for (std::size_t slot = 0; slot < stride; ++slot) {
    for (std::size_t i = slot; i < choices.experts.size(); i += stride) {
      std::int32_t& expert = choices.experts[i];
      if (expert < 0) continue;
      if (++accepted[static_cast<std::size_t>(expert)] > slots) {
        expert = Choices::kDropped;
        choices.lost_share += static_cast<double>(choices.shares[i]);
      }
    }
  }
}

}  // namespace moesim
