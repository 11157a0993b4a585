#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/exchange/exchange_plan.hpp"
#include "models/routing/placement/expert_placement.hpp"

namespace moesim {

// One expert's weights that a rank needs and does not have.
struct ExpertMove {
  std::int32_t expert;
  RankId source;
  RankId destination;

  friend bool operator==(const ExpertMove&, const ExpertMove&) = default;
};

// What has to move so that experts that lie as in `before` lie as in `after`, in the order of the destinations. A rank
// takes an expert that it lacks from a rank of its node that had it, else from any that had it: of several from the
// one that has sent the fewest so far, then the lowest. Slots of one rank are not told apart: nothing moves inside it,
// and an expert that lies there twice comes once.
std::vector<ExpertMove> expert_moves(const ExpertPlacement& before, const ExpertPlacement& after,
                                     const RankLayout& layout);

// All moves at once, one message for each pair of ranks.
ExchangePlan plan_expert_moves(std::span<const ExpertMove> moves, Bytes expert, const RankLayout& layout,
                               const ExchangeOptions& options);

}  // namespace moesim
