#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/rank_layout.hpp"
#include "sim/ids.hpp"

namespace moesim {

// Which expert lies in which place of the ranks' memory. A rank has a fixed number of slots; a slot holds a copy of
// one logical expert, called a physical expert. An expert with several has replicas; without redundant slots each
// expert has exactly one. Slot i is on rank i / slots_per_rank().
class ExpertPlacement {
 public:
  // expert_of_slot[slots]: `ranks` divides their number, and every one of `experts` is there at least once.
  ExpertPlacement(int experts, int ranks, std::vector<std::int32_t> expert_of_slot);

  int experts() const { return static_cast<int>(first_slot_.size()) - 1; }  // N, logical
  int ranks() const { return ranks_; }                                      // P
  int slots() const { return static_cast<int>(expert_of_slot_.size()); }    // N + redundant experts
  int slots_per_rank() const { return slots() / ranks_; }
  int redundant_experts() const { return slots() - experts(); }

  std::int32_t expert_of(int slot) const { return expert_of_slot_[static_cast<std::size_t>(slot)]; }
  std::span<const std::int32_t> expert_of_slot() const { return expert_of_slot_; }
  std::span<const std::int32_t> experts_on(RankId rank) const;
  RankId rank_of(int slot) const { return RankId{slot / slots_per_rank()}; }
  // Where the expert's replicas are, ascending; at least one. Two may be on the same rank.
  std::span<const std::int32_t> slots_of(int expert) const;

  friend bool operator==(const ExpertPlacement& a, const ExpertPlacement& b) {
    return a.ranks_ == b.ranks_ && a.expert_of_slot_ == b.expert_of_slot_;
  }

 private:
  int ranks_;
  std::vector<std::int32_t> expert_of_slot_;  // [slots]
  std::vector<std::int32_t> first_slot_;      // [experts + 1] into slots_of_expert_
  std::vector<std::int32_t> slots_of_expert_;
};

// One slot an expert: rank_of_expert[experts], the same number on every rank. In a rank's slots experts ascend.
ExpertPlacement placement_of(std::span<const RankId> rank_of_expert, int ranks);

// The load of each rank [ranks] where replicas share the loads [experts] of their expert evenly.
std::vector<double> rank_loads(const ExpertPlacement& placement, std::span<const double> loads);

// 1 is even; also 1 where nothing is loaded.
double max_over_mean(std::span<const double> loads);

}  // namespace moesim
