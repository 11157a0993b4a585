#include "models/exchange/expected_copies.hpp"

#include <algorithm>

#include "models/routing/closed_forms.hpp"

namespace moesim {
namespace {

// A short last node breaks the symmetry that the closed form rests on, so the nodes are added up one by one:
// (1 - share of the node) * (chance that a token has an expert there).
double remote_nodes(const RankLayout& layout, int experts, int top_k) {
  const int experts_a_rank = experts / layout.ranks;
  double nodes = 0;
  for (int first = 0; first < layout.ranks; first += layout.ranks_per_node) {
    const int ranks = std::min(layout.ranks - first, layout.ranks_per_node);
    const double remote = 1 - static_cast<double>(ranks) / layout.ranks;
    nodes += remote * (1 - chance_to_avoid(experts, ranks * experts_a_rank, top_k));
  }
  return nodes;
}

// Of `all` nodes or ranks.
double most_remote(double all, std::optional<int> kept) {
  return (kept ? std::min<double>(*kept, all) : all) * (1 - 1 / all);
}

}  // namespace

double expected_remote_copies(ExchangeAlgorithm algorithm, const RankLayout& layout, std::int64_t tokens, int experts,
                              int top_k, const ReachLimit& limit) {
  MOESIM_CHECK(top_k >= 1 && top_k <= experts, "top {} of {} experts", top_k, experts);
  // Experts that only replicas spread evenly are taken for the next number that would be even by itself.
  experts = (experts + layout.ranks - 1) / layout.ranks * layout.ranks;
  const auto all = static_cast<double>(tokens);
  switch (algorithm) {
    case ExchangeAlgorithm::direct:
    case ExchangeAlgorithm::pairwise:
    case ExchangeAlgorithm::low_latency:
      return all * uniform_remote_copies(experts, layout.ranks, top_k).mean;
    case ExchangeAlgorithm::rank_dedup:
      return all * std::min(uniform_remote_destinations(experts, layout.ranks, top_k).mean,
                            most_remote(layout.ranks, limit.ranks));
    case ExchangeAlgorithm::two_hop:
      return all * std::min(remote_nodes(layout, experts, top_k), most_remote(layout.nodes(), limit.nodes));
    case ExchangeAlgorithm::all_gather:
      return all * (layout.ranks - 1);
  }
  MOESIM_CHECK(false, "exchange algorithm {}", static_cast<int>(algorithm));
}

}  // namespace moesim
