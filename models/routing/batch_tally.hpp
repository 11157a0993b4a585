#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/routed_batch.hpp"

namespace moesim {

// Counts choices into a RoutedBatch: the one place where experts become ranks and nodes.
class BatchTally {
 public:
  BatchTally(const RankLayout& layout, std::span<const RankId> rank_of_expert);

  struct Source {
    RankId rank;
    std::int64_t tokens = 0;
  };
  // The tokens of `choices` belong to `sources`, in order.
  void add(std::span<const Source> sources, const Choices& choices);

  RoutedBatch result() &&;

 private:
  struct Home {  // Of an expert.
    std::int32_t rank = 0;
    std::int32_t node = 0;
  };
  void add_source(RankId source, std::span<const std::int32_t> experts, int slots);
  void start_token();

  RoutedBatch batch_;
  std::vector<Home> home_;                // [experts]
  std::vector<std::uint32_t> rank_seen_;  // [ranks] the last token that reached it
  std::vector<std::uint32_t> node_seen_;  // [nodes]
  std::uint32_t token_ = 0;
  double lost_share_ = 0;
};

}  // namespace moesim
