#include "models/routing/batch_tally.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

BatchTally::BatchTally(const RankLayout& layout, std::span<const RankId> rank_of_expert)
    : rank_seen_(static_cast<std::size_t>(layout.ranks)), node_seen_(static_cast<std::size_t>(layout.nodes())) {
  batch_.layout = layout;
  batch_.source_tokens.resize(static_cast<std::size_t>(layout.ranks));
  batch_.expert_tokens.resize(rank_of_expert.size());
  batch_.expert_copies = CountMatrix(layout.ranks, layout.ranks);
  batch_.rank_copies = CountMatrix(layout.ranks, layout.ranks);
  batch_.node_copies = CountMatrix(layout.ranks, layout.nodes());
  for (const RankId rank : rank_of_expert) {
    MOESIM_CHECK(rank.valid() && rank.value < layout.ranks, "an expert on rank {} of {}", rank.value, layout.ranks);
    home_.push_back({rank.value, layout.node_of(rank)});
  }
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
    add_source(source.rank, rest.first(count), choices.slots);
    rest = rest.subspan(count);
    batch_.tokens += source.tokens;
    batch_.source_tokens[source.rank.index()] += source.tokens;
  }
  MOESIM_CHECK(rest.empty(), "{} choices of no source", rest.size());
  lost_share_ += choices.lost_share;
}

void BatchTally::add_source(RankId source, std::span<const std::int32_t> experts, int slots) {
  std::int64_t* const expert_tokens = batch_.expert_tokens.data();
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
      const Home home = home_[static_cast<std::size_t>(expert)];
      ++expert_tokens[expert];
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
  if (batch_.tokens > 0) batch_.retained_gate_mass = 1 - lost_share_ / static_cast<double>(batch_.tokens);
  return std::move(batch_);
}

}  // namespace moesim
