#include "models/exchange/rank_rows.hpp"

#include "models/exchange/plan_builder.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

using detail::row_sum;

std::vector<std::int64_t> column_sums(const CountMatrix& counts) {
  std::vector<std::int64_t> sums(static_cast<std::size_t>(counts.columns()));
  for (int row = 0; row < counts.rows(); ++row) {
    for (int column = 0; column < counts.columns(); ++column) {
      sums[static_cast<std::size_t>(column)] += counts.at(row, column);
    }
  }
  return sums;
}

}  // namespace

std::vector<RankRows> rank_rows(ExchangeAlgorithm algorithm, const RoutedBatch& batch,
                                std::optional<std::int64_t> padded_slots) {
  MOESIM_CHECK(!padded_slots || supports_padding(algorithm), "{} has no buffers to pad", name(algorithm));
  const int ranks = batch.layout.ranks;
  const bool one_an_expert = algorithm == ExchangeAlgorithm::direct || algorithm == ExchangeAlgorithm::pairwise ||
                             algorithm == ExchangeAlgorithm::low_latency;
  const std::vector<std::int64_t> received = column_sums(one_an_expert ? batch.expert_copies : batch.rank_copies);
  std::vector<RankRows> rows(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    RankRows& r = rows[static_cast<std::size_t>(rank)];
    r.tokens = batch.tokens_of(rank);
    if (padded_slots) {
      // N / P experts on each of P ranks: what one rank's experts get from all ranks is what a rank sends to all.
      r.packed = r.received = r.returned = *padded_slots * static_cast<std::int64_t>(batch.expert_tokens.size());
      continue;
    }
    r.received = received[static_cast<std::size_t>(rank)];
    switch (algorithm) {
      case ExchangeAlgorithm::direct:
      case ExchangeAlgorithm::pairwise:
        r.packed = r.returned = row_sum(batch.expert_copies, rank);
        break;
      case ExchangeAlgorithm::rank_dedup:
        r.packed = r.returned = row_sum(batch.rank_copies, rank);
        break;
      case ExchangeAlgorithm::two_hop:
        r.packed = r.returned = row_sum(batch.node_copies, rank);
        break;
      case ExchangeAlgorithm::low_latency:
        r.packed = r.tokens;
        r.returned = row_sum(batch.expert_copies, rank);
        break;
      case ExchangeAlgorithm::all_gather:
        r.packed = r.returned = r.tokens;
        break;
    }
  }
  return rows;
}

}  // namespace moesim
