#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// Every token goes to every rank, once over each rail and then inside the nodes; combine is the reduce-scatter that
// mirrors it. The batch does not say whose a token is: ranks hold T / P each, the first T mod P one more.
ExchangePlan plan_all_gather(const ExchangeInput& input) {
  const RankLayout layout = input.batch.layout;
  CountMatrix to_node(layout.ranks, layout.nodes());
  CountMatrix to_rank(layout.ranks, layout.ranks);
  for (int from = 0; from < layout.ranks; ++from) {
    const std::int64_t tokens = input.batch.tokens_of(from);
    for (int node = 0; node < layout.nodes(); ++node) to_node.at(from, node) = tokens;
    for (int to = 0; to < layout.ranks; ++to) to_rank.at(from, to) = tokens;
  }
  return plan_hierarchical(input, to_node, to_rank);
}

}  // namespace moesim::detail
