#include "models/routing/placement/expert_placement.hpp"

#include <algorithm>
#include <numeric>

#include "sim/check.hpp"

namespace moesim {

ExpertPlacement::ExpertPlacement(int experts, int ranks, std::vector<std::int32_t> expert_of_slot)
    : ranks_(ranks),
      expert_of_slot_(std::move(expert_of_slot)),
      first_slot_(static_cast<std::size_t>(experts) + 1),
      slots_of_expert_(expert_of_slot_.size()) {
  MOESIM_CHECK(ranks > 0 && experts > 0 && slots() % ranks == 0, "{} slots on {} ranks", slots(), ranks);
  for (const std::int32_t expert : expert_of_slot_) {
    MOESIM_CHECK(expert >= 0 && expert < experts, "expert {} of {}", expert, experts);
    ++first_slot_[static_cast<std::size_t>(expert) + 1];
  }
  for (int e = 0; e < experts; ++e) {
    MOESIM_CHECK(first_slot_[static_cast<std::size_t>(e) + 1] > 0, "expert {} is nowhere", e);
  }
  std::partial_sum(first_slot_.begin(), first_slot_.end(), first_slot_.begin());
  std::vector<std::int32_t> next(first_slot_.begin(), first_slot_.end() - 1);
  for (std::int32_t slot = 0; slot < slots(); ++slot) {
    const auto expert = static_cast<std::size_t>(expert_of(slot));
    slots_of_expert_[static_cast<std::size_t>(next[expert]++)] = slot;
  }
}

std::span<const std::int32_t> ExpertPlacement::experts_on(RankId rank) const {
  const auto size = static_cast<std::size_t>(slots_per_rank());
  return std::span(expert_of_slot_).subspan(rank.index() * size, size);
}

std::span<const std::int32_t> ExpertPlacement::slots_of(int expert) const {
  const auto e = static_cast<std::size_t>(expert);
  const auto first = static_cast<std::size_t>(first_slot_[e]);
  return std::span(slots_of_expert_).subspan(first, static_cast<std::size_t>(first_slot_[e + 1]) - first);
}

ExpertPlacement placement_of(std::span<const RankId> rank_of_expert, int ranks) {
  const auto experts = static_cast<int>(rank_of_expert.size());
  MOESIM_CHECK(ranks > 0 && experts % ranks == 0, "{} experts on {} ranks", experts, ranks);
  const int per_rank = experts / ranks;
  std::vector<std::int32_t> used(static_cast<std::size_t>(ranks));
  std::vector<std::int32_t> expert_of_slot(rank_of_expert.size());
  for (std::int32_t e = 0; e < experts; ++e) {
    const RankId rank = rank_of_expert[static_cast<std::size_t>(e)];
    MOESIM_CHECK(rank.valid() && rank.value < ranks, "an expert on rank {} of {}", rank.value, ranks);
    const std::int32_t place = used[rank.index()]++;
    MOESIM_CHECK(place < per_rank, "more than {} experts on rank {}", per_rank, rank.value);
    expert_of_slot[static_cast<std::size_t>(rank.value * per_rank + place)] = e;
  }
  return {experts, ranks, std::move(expert_of_slot)};
}

std::vector<double> rank_loads(const ExpertPlacement& placement, std::span<const double> loads) {
  MOESIM_CHECK(std::ssize(loads) == placement.experts(), "{} loads of {} experts", loads.size(), placement.experts());
  std::vector<double> result(static_cast<std::size_t>(placement.ranks()));
  for (int slot = 0; slot < placement.slots(); ++slot) {
    const std::int32_t expert = placement.expert_of(slot);
    result[placement.rank_of(slot).index()] +=
        loads[static_cast<std::size_t>(expert)] / static_cast<double>(placement.slots_of(expert).size());
  }
  return result;
}

double max_over_mean(std::span<const double> loads) {
  const double sum = std::accumulate(loads.begin(), loads.end(), 0.0);
  if (sum == 0) return 1;
  return *std::max_element(loads.begin(), loads.end()) * static_cast<double>(loads.size()) / sum;
}

}  // namespace moesim
