#pragma once

#include <cstdint>
#include <vector>

#include "models/rank_layout.hpp"
#include "models/routing/placement/expert_placement.hpp"
#include "models/routing/placement/replica_choice.hpp"

namespace moesim {

// The rule of ReplicaChoice, followed copy by copy.
class ReplicaTurns {
 public:
  ReplicaTurns(const RankLayout& layout, const ExpertPlacement& placement, ReplicaChoice choice);

  // The copies that follow come from this rank, from its first token on.
  void start(RankId source);
  // The slot that the source's next copy for this expert goes to.
  std::int32_t next(std::int32_t expert) {
    Turn& turn = turns_[static_cast<std::size_t>(expert)];
    const std::int32_t slot = candidates_[static_cast<std::size_t>(turn.first + turn.next)];
    if (++turn.next == turn.count) turn.next = 0;
    return slot;
  }

 private:
  struct Turn {
    std::int32_t first = 0;  // Into candidates_.
    std::int32_t count = 0;
    std::int32_t next = 0;  // Below `count`.
  };
  RankLayout layout_;
  const ExpertPlacement& placement_;
  ReplicaChoice choice_;
  std::vector<Turn> turns_;  // [experts]
  std::vector<std::int32_t> candidates_;
};

}  // namespace moesim
