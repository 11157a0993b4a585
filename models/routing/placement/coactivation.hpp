#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/placement/expert_placement.hpp"

namespace moesim {

// How often two experts were chosen by the same token: symmetric, nothing on the diagonal.
class Coactivation {
 public:
  explicit Coactivation(int experts) : experts_(experts), counts_(std::size_t(experts) * std::size_t(experts)) {}

  int experts() const { return experts_; }
  std::int64_t at(int a, int b) const { return counts_[index(a, b)]; }
  void add(int a, int b, std::int64_t times);
  // Every pair of experts that a token of `choices` is sent to.
  void add(const Choices& choices);

 private:
  std::size_t index(int a, int b) const { return std::size_t(a) * std::size_t(experts_) + std::size_t(b); }

  int experts_;
  std::vector<std::int64_t> counts_;
};

// Pairs that a token chose together and that lie on different nodes: each can cost the token one more copy over the
// scale-out network. node_of_expert[experts].
std::int64_t split_pairs(const Coactivation& coactivation, std::span<const std::int32_t> node_of_expert);

// Experts chosen together onto the same node, one slot an expert, the same number on every rank; all nodes are full,
// but the last may be short. Starts greedily: experts by falling load, each to the node with room that holds most of
// its partners, beyond what chance would bring there; then nodes that carry too much swap for lighter experts. Then, as
// long as it helps, swaps of the two experts that bring most pairs together (the first of equals), after Kernighan and
// Lin (Bell System Technical Journal 49, 1970). A node's load is kept to (1 + slack) of its fair share where that is
// possible, since experts that are popular are also popular together. In a node experts are packed evenly to its ranks.
ExpertPlacement place_by_coactivation(std::span<const double> loads, const Coactivation& coactivation,
                                      const RankLayout& layout, double slack);

}  // namespace moesim
