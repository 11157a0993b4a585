#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/exchange/exchange_plan.hpp"

namespace moesim {

// Rows of hidden size that one rank's own kernels move around an exchange, copies that stay on the rank included.
struct RankRows {
  std::int64_t tokens = 0;    // The rank's own.
  std::int64_t packed = 0;    // Rows it writes before dispatch.
  std::int64_t received = 0;  // Rows it reads for its experts after dispatch, and writes for combine.
  std::int64_t returned = 0;  // Rows it adds up for its tokens after combine.
};

// By algorithm: one row for each chosen expert (direct, pairwise), rank (rank_dedup), or node (two_hop, whose experts'
// ranks see one for each rank). low_latency packs a token once and adds up one result an expert; all_gather packs and
// gets back a token once, and experts read what concerns them. rows[ranks].
//
// With padded buffers of `padded_slots` for each (source rank, expert), rows are slots, filled or not: a rank packs and
// gets back those of all experts, and receives those of its own experts from all ranks.
std::vector<RankRows> rank_rows(ExchangeAlgorithm algorithm, const RoutedBatch& batch,
                                std::optional<std::int64_t> padded_slots = std::nullopt);

}  // namespace moesim
