#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/placement/replica_turns.hpp"
#include "models/routing/routed_batch.hpp"

namespace moesim {

// Counts choices into a RoutedBatch: the one place where experts become ranks and nodes.
class BatchTally {
 public:
  // Keeps a reference to the placement.
  BatchTally(const RankLayout& layout, const ExpertPlacement& placement, ReplicaChoice replicas);

  struct Source {
    RankId rank;
    std::int64_t tokens = 0;
  };
  // The tokens of `choices` belong to `sources`, in order. All tokens of a source are added before the next source's.
  void add(std::span<const Source> sources, const Choices& choices);

  RoutedBatch result() &&;

 private:
  struct Home {  // Of a slot.
    std::int32_t rank = 0;
    std::int32_t node = 0;
  };
  template <bool replicated>
  void add_source(RankId source, std::span<const std::int32_t> experts, int slots);
  void start_token();

  RoutedBatch batch_;
  const ExpertPlacement& placement_;
  ReplicaTurns turns_;                    // Used where experts have replicas.
  RankId turns_of_;                       // The source that they are for.
  std::vector<Home> home_;                // [slots]
  std::vector<std::int32_t> only_slot_;   // [experts], without replicas
  std::vector<std::uint32_t> rank_seen_;  // [ranks] the last token that reached it
  std::vector<std::uint32_t> node_seen_;  // [nodes]
  std::uint32_t token_ = 0;
  double lost_share_ = 0;
};

}  // namespace moesim
