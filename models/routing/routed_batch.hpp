#pragma once

#include <cstdint>
#include <vector>

#include "models/rank_layout.hpp"
#include "sim/ids.hpp"

namespace moesim {

// Counts for each ordered pair (row, column), row-major.
class CountMatrix {
 public:
  CountMatrix() = default;
  CountMatrix(int rows, int columns)
      : rows_(rows), columns_(columns), counts_(std::size_t(rows) * std::size_t(columns)) {}
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  std::int64_t& at(int row, int column) {
    return counts_[std::size_t(row) * std::size_t(columns_) + std::size_t(column)];
  }
  std::int64_t at(int row, int column) const {
    return counts_[std::size_t(row) * std::size_t(columns_) + std::size_t(column)];
  }
  std::int64_t total() const;

 private:
  int rows_ = 0;
  int columns_ = 0;
  std::vector<std::int64_t> counts_;
};

// What one routing pass over the tokens of all ranks tells: the compute of every expert and the traffic of every pair,
// from the same choices. A "copy" is one token sent to one destination.
struct RoutedBatch {
  RankLayout layout;
  std::int64_t tokens = 0;                  // T, over all ranks
  std::vector<std::int64_t> source_tokens;  // [ranks] of them; empty: as even as they can be
  std::vector<std::int64_t> expert_tokens;  // [experts] copies that each logical expert computes
  std::vector<std::int64_t> slot_tokens;    // [slots] the same of each physical expert, by rank (ExpertPlacement)
  CountMatrix expert_copies;                // [source rank, rank]: one copy for each chosen expert, local ones too
  CountMatrix rank_copies;                  // [source rank, rank]: tokens of the source with an expert on the rank
  CountMatrix node_copies;                  // [source rank, node]: tokens of the source with an expert on the node
  std::int64_t dropped_copies = 0;          // (token, expert) choices that overflowed a capacity or were not taken
  double retained_gate_mass = 1;            // Mean over tokens: scores of the experts reached over the free top-k's
  int max_nodes_per_token = 0;              // Largest number of distinct nodes that one token reached

  std::int64_t tokens_of(int rank) const {
    if (!source_tokens.empty()) return source_tokens[static_cast<std::size_t>(rank)];
    return tokens / layout.ranks + (rank < tokens % layout.ranks ? 1 : 0);
  }
};

}  // namespace moesim
