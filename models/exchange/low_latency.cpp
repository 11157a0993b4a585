#include <algorithm>

#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {
namespace {

// Experts lie evenly on the ranks, so that both directions have the same number.
std::int64_t signals(const RankLayout& layout, RankId rank, std::int64_t experts) {
  const int first = layout.node_of(rank) * layout.ranks_per_node;
  const int in_node = std::min(layout.ranks, first + layout.ranks_per_node) - first;
  return experts * (layout.ranks - in_node) / layout.ranks;
}

}  // namespace

// One small message for each chosen expert, straight to its rank. A rank posts its messages one after another, each
// costing `message_overhead`, in turn to all destinations; bytes drain meanwhile. As a fluid: the first message leaves
// after one overhead, and none of the rank's flows can end before the other messages have been posted. A pair's
// messages are one flow of that multiplicity, so that destinations share the sender in proportion to their messages.
// Before that, as a fluid, the signals: one for each expert of another node (combine: one to each rank there from each
// of the sender's experts), copies or not.
ExchangePlan plan_low_latency(const ExchangeInput& input) {
  const CountMatrix& copies = input.batch.expert_copies;
  const int ranks = input.batch.layout.ranks;
  const bool dispatch = input.direction == ExchangeDirection::dispatch;
  std::vector<std::int64_t> posted(static_cast<std::size_t>(ranks));  // Messages that each rank sends.
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from != to) posted[static_cast<std::size_t>(dispatch ? from : to)] += copies.at(from, to);
    }
  }
  const auto experts = static_cast<std::int64_t>(input.batch.slot_tokens.size());
  PlanBuilder builder(input);
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      const std::int64_t messages = copies.at(from, to);
      if (from == to || messages == 0) continue;
      MOESIM_CHECK(messages <= INT32_MAX, "{} messages from {} to {}", messages, from, to);
      Message& message = builder.message(builder.add(RankId{from}, RankId{to}, input.copy));
      message.multiplicity = static_cast<std::int32_t>(messages);
      const std::int64_t others = posted[message.source.index()] - 1;
      message.pacing = {others * input.options.message_overhead.count};
      message.lead += Picoseconds{signals(input.batch.layout, message.source, experts) * input.options.signal.count};
    }
  }
  return builder.take();
}

}  // namespace moesim::detail
