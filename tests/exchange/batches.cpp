#include "tests/exchange/batches.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "sim/rng.hpp"

namespace moesim {

RoutedBatch batch_of(RankLayout layout, int experts, const std::vector<TokenChoice>& tokens) {
  RoutedBatch batch;
  batch.layout = layout;
  batch.tokens = static_cast<std::int64_t>(tokens.size());
  batch.expert_tokens.assign(static_cast<std::size_t>(experts), 0);
  batch.slot_tokens.assign(static_cast<std::size_t>(experts), 0);
  batch.expert_copies = CountMatrix(layout.ranks, layout.ranks);
  batch.rank_copies = CountMatrix(layout.ranks, layout.ranks);
  batch.node_copies = CountMatrix(layout.ranks, layout.nodes());
  for (const TokenChoice& token : tokens) {
    std::set<int> ranks;
    std::set<int> nodes;
    for (const int expert : token.experts) {
      const int rank = expert / (experts / layout.ranks);
      ++batch.expert_tokens[static_cast<std::size_t>(expert)];
      ++batch.slot_tokens[static_cast<std::size_t>(expert)];
      ++batch.expert_copies.at(token.source, rank);
      ranks.insert(rank);
      nodes.insert(layout.node_of(RankId{rank}));
    }
    for (const int rank : ranks) ++batch.rank_copies.at(token.source, rank);
    for (const int node : nodes) ++batch.node_copies.at(token.source, node);
  }
  return batch;
}

std::vector<TokenChoice> uniform_choices(RankLayout layout, int experts, int top_k, int tokens_a_rank,
                                         std::uint64_t seed) {
  Rng rng(seed, 0);
  std::vector<TokenChoice> tokens;
  std::vector<int> all(static_cast<std::size_t>(experts));
  std::iota(all.begin(), all.end(), 0);
  for (int source = 0; source < layout.ranks; ++source) {
    for (int t = 0; t < tokens_a_rank; ++t) {
      // The first steps of a Fisher-Yates shuffle leave a uniform sample in front.
      for (int i = 0; i < top_k; ++i) {
        const auto j = static_cast<std::size_t>(i) + rng.below(static_cast<std::uint32_t>(experts - i));
        std::swap(all[static_cast<std::size_t>(i)], all[j]);
      }
      tokens.push_back({source, {all.begin(), all.begin() + top_k}});
    }
  }
  return tokens;
}

PairBytes pair_bytes(const ExchangePlan& plan) {
  PairBytes pairs;
  for (const Message& m : plan.messages) {
    pairs[{m.source.value, m.destination.value}] += m.multiplicity * m.bytes.count;
  }
  return pairs;
}

}  // namespace moesim
