#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// One small message for each chosen expert, straight to its rank. A rank posts its messages one after another, each
// costing `message_overhead`, in turn to all destinations; bytes drain meanwhile. As a fluid: the first message leaves
// after one overhead, and none of the rank's flows can end before the other messages have been posted. A pair's
// messages are one flow of that multiplicity, so that destinations share the sender in proportion to their messages.
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
    }
  }
  return builder.take();
}

}  // namespace moesim::detail
