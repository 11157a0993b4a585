#pragma once

#include "sim/ids.hpp"

namespace moesim {

// The ranks of one expert-parallel group, as far as a model may know the machine: how many, and how many share a
// scale-up domain. Ranks are numbered node by node; the last node may be short.
struct RankLayout {
  int ranks = 1;           // P
  int ranks_per_node = 1;  // G

  int nodes() const { return (ranks + ranks_per_node - 1) / ranks_per_node; }  // M
  int node_of(RankId rank) const { return rank.value / ranks_per_node; }
  int local(RankId rank) const { return rank.value % ranks_per_node; }
  bool same_node(RankId a, RankId b) const { return node_of(a) == node_of(b); }
};

}  // namespace moesim
