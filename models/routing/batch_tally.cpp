#include "models/routing/batch_tally.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

BatchTally::BatchTally(const RankLayout& layout, const ExpertPlacement& placement, ReplicaChoice replicas)
    : placement_(placement),
      turns_(layout, placement, replicas),
      rank_seen_(static_cast<std::size_t>(layout.ranks)),
      node_seen_(static_cast<std::size_t>(layout.nodes())) {
  MOESIM_CHECK(placement.ranks() == layout.ranks, "experts on {} ranks of {}", placement.ranks(), layout.ranks);
  batch_.layout = layout;
  batch_.source_tokens.resize(static_cast<std::size_t>(layout.ranks));
  batch_.expert_tokens.resize(static_cast<std::size_t>(placement.experts()));
  batch_.slot_tokens.resize(static_cast<std::size_t>(placement.slots()));
  batch_.expert_copies = CountMatrix(layout.ranks, layout.ranks);
  batch_.rank_copies = CountMatrix(layout.ranks, layout.ranks);
  batch_.node_copies = CountMatrix(layout.ranks, layout.nodes());
  for (int slot = 0; slot < placement.slots(); ++slot) {
    const RankId rank = placement.rank_of(slot);
    home_.push_back({rank.value, layout.node_of(rank)});
  }
  for (int expert = 0; expert < placement.experts(); ++expert) only_slot_.push_back(placement.slots_of(expert)[0]);
}

void BatchTally::start_token() {
  if (++token_ != 0) return;
  std::fill(rank_seen_.begin(), rank_seen_.end(), 0);
  std::fill(node_seen_.begin(), node_seen_.end(), 0);
  token_ = 1;
}

void BatchTally::add(std::span<const Source> sources, const Choices& choices) {
  const auto slots = static_cast<std::size_t>(choices.slots);
  std::span<const std::int32_t> rest(choices.experts);
  for (const Source& source : sources) {
    const std::size_t count = static_cast<std::size_t>(source.tokens) * slots;
    MOESIM_CHECK(count <= rest.size(), "{} choices left of {}", rest.size(), count);
    if (placement_.redundant_experts() == 0) {
      add_source<false>(source.rank, rest.first(count), choices.slots);
    } else {
      if (source.rank != turns_of_) turns_.start(source.rank);
      turns_of_ = source.rank;
      add_source<true>(source.rank, rest.first(count), choices.slots);
    }
    rest = rest.subspan(count);
    batch_.tokens += source.tokens;
    batch_.source_tokens[source.rank.index()] += source.tokens;
  }
  MOESIM_CHECK(rest.empty(), "{} choices of no source", rest.size());
  lost_share_ += choices.lost_share;
}

template <bool replicated>
void BatchTally::add_source(RankId source, std::span<const std::int32_t> experts, int slots) {
  std::int64_t* const slot_tokens = batch_.slot_tokens.data();
  std::int64_t* const expert_row = &batch_.expert_copies.at(source.value, 0);
  std::int64_t* const rank_row = &batch_.rank_copies.at(source.value, 0);
  std::int64_t* const node_row = &batch_.node_copies.at(source.value, 0);
  std::int64_t dropped = 0;
  int most_nodes = batch_.max_nodes_per_token;
  for (std::size_t first = 0; first < experts.size(); first += static_cast<std::size_t>(slots)) {
    start_token();
    int nodes = 0;
    for (const std::int32_t expert : experts.subspan(first, static_cast<std::size_t>(slots))) {
      if (expert < 0) {
        dropped += expert == Choices::kDropped;
        continue;
      }
      const std::int32_t slot = replicated ? turns_.next(expert) : only_slot_[static_cast<std::size_t>(expert)];
      const Home home = home_[static_cast<std::size_t>(slot)];
      ++slot_tokens[slot];
      ++expert_row[home.rank];
      // Adding a comparison instead of branching on it: whether a rank is new is a coin toss.
      std::uint32_t& rank_seen = rank_seen_[static_cast<std::size_t>(home.rank)];
      rank_row[home.rank] += rank_seen != token_;
      rank_seen = token_;
      std::uint32_t& node_seen = node_seen_[static_cast<std::size_t>(home.node)];
      const int new_node = node_seen != token_;
      node_row[home.node] += new_node;
      nodes += new_node;
      node_seen = token_;
    }
    most_nodes = std::max(most_nodes, nodes);
  }
  batch_.dropped_copies += dropped;
  batch_.max_nodes_per_token = most_nodes;
}

RoutedBatch BatchTally::result() && {
  for (int slot = 0; slot < placement_.slots(); ++slot) {
    batch_.expert_tokens[static_cast<std::size_t>(placement_.expert_of(slot))] +=
        batch_.slot_tokens[static_cast<std::size_t>(slot)];
  }
  if (batch_.tokens > 0) batch_.retained_gate_mass = 1 - lost_share_ / static_cast<double>(batch_.tokens);
  return std::move(batch_);
}

}  // namespace moesim
