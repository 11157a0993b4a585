#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "models/exchange/exchange_plan.hpp"

namespace moesim {

// One token: the rank that holds it, and its chosen experts.
struct TokenChoice {
  int source;
  std::vector<int> experts;
};

// The slow, obvious way from choices to a RoutedBatch; expert e is on rank e / (experts / ranks).
RoutedBatch batch_of(RankLayout layout, int experts, const std::vector<TokenChoice>& tokens);

// `tokens_a_rank` tokens on each rank, each with `top_k` distinct experts, every set equally likely.
std::vector<TokenChoice> uniform_choices(RankLayout layout, int experts, int top_k, int tokens_a_rank,
                                         std::uint64_t seed);

// Bytes between each ordered pair of ranks, all messages added up.
using PairBytes = std::map<std::pair<int, int>, std::int64_t>;
PairBytes pair_bytes(const ExchangePlan& plan);

inline constexpr ExchangeAlgorithm kAllAlgorithms[] = {ExchangeAlgorithm::direct,      ExchangeAlgorithm::pairwise,
                                                       ExchangeAlgorithm::rank_dedup,  ExchangeAlgorithm::two_hop,
                                                       ExchangeAlgorithm::low_latency, ExchangeAlgorithm::all_gather};

}  // namespace moesim
