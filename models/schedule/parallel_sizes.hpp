#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/ids.hpp"

namespace moesim {

// How many ways a model is cut over the ranks of a cluster. Ranks are numbered tensor-parallel fastest, then context,
// data and pipeline, as Megatron-Core orders them ("tp-cp-dp-pp"), so that a tensor-parallel group is next to itself in
// one node. The ranks of one pipeline stage (tp * cp * dp of them) are cut a second time for the experts:
// tensor-parallel experts fastest, then expert-parallel, then data-parallel (MoE Parallel Folding, arXiv:2504.14960).
struct ParallelSizes {
  int tp = 1;   // Heads and widths of dense products; activations between them along the sequence.
  int cp = 1;   // The sequence.
  int dp = 1;   // The batch.
  int pp = 1;   // The layers.
  int ep = 1;   // The experts of a layer.
  int etp = 1;  // The width of an expert.

  int stage_ranks() const { return tp * cp * dp; }
  int ranks() const { return stage_ranks() * pp; }
  int expert_replicas() const { return stage_ranks() / (ep * etp); }  // Data-parallel copies of an expert.
};

// Why such a layout is none: what must divide what. Empty: it is one.
std::optional<std::string> why_not(const ParallelSizes& sizes);

// Where a rank stands in each of the groups.
struct RankPlace {
  int tp = 0;
  int cp = 0;
  int dp = 0;
  int pp = 0;
  int etp = 0;
  int ep = 0;
  int replica = 0;  // Of its experts.
};
RankPlace place_of(const ParallelSizes& sizes, RankId rank);
RankId rank_at(const ParallelSizes& sizes, int pp, int dp, int cp, int tp);

// The groups that a rank is a member of, each in the order of its ranks.
enum class ParallelGroup { tensor, context, data, data_and_context, pipeline, expert, expert_data };
std::vector<RankId> group_of(const ParallelSizes& sizes, ParallelGroup group, RankId rank);

}  // namespace moesim
