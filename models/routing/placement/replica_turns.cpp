#include "models/routing/placement/replica_turns.hpp"

#include <algorithm>

namespace moesim {

std::optional<ReplicaChoice> replica_choice(std::string_view name) {
  if (name == "even") return ReplicaChoice::even;
  if (name == "nearest") return ReplicaChoice::nearest;
  return std::nullopt;
}

std::string_view name(ReplicaChoice choice) { return choice == ReplicaChoice::even ? "even" : "nearest"; }

ReplicaTurns::ReplicaTurns(const RankLayout& layout, const ExpertPlacement& placement, ReplicaChoice choice)
    : layout_(layout), placement_(placement), choice_(choice), turns_(static_cast<std::size_t>(placement.experts())) {}

void ReplicaTurns::start(RankId source) {
  candidates_.clear();
  const auto add_where = [&](std::span<const std::int32_t> slots, auto takes) {
    const std::size_t before = candidates_.size();
    std::copy_if(slots.begin(), slots.end(), std::back_inserter(candidates_),
                 [&](std::int32_t slot) { return takes(placement_.rank_of(slot)); });
    return candidates_.size() > before;
  };
  for (int expert = 0; expert < placement_.experts(); ++expert) {
    Turn& turn = turns_[static_cast<std::size_t>(expert)];
    turn.first = static_cast<std::int32_t>(candidates_.size());
    const auto slots = placement_.slots_of(expert);
    const bool near = choice_ == ReplicaChoice::nearest &&
                      (add_where(slots, [&](RankId rank) { return rank == source; }) ||
                       add_where(slots, [&](RankId rank) { return layout_.same_node(rank, source); }));
    if (!near) candidates_.insert(candidates_.end(), slots.begin(), slots.end());
    turn.count = static_cast<std::int32_t>(candidates_.size()) - turn.first;
    turn.next = source.value % turn.count;
  }
}

}  // namespace moesim
