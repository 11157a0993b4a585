#include <algorithm>

#include "models/exchange/exchange_plan.hpp"
#include "models/exchange/expected_copies.hpp"

namespace moesim {
namespace {

std::int64_t remote_copies(ExchangeAlgorithm algorithm, const RoutedBatch& batch) {
  const RankLayout layout = batch.layout;
  if (algorithm == ExchangeAlgorithm::all_gather) return batch.tokens * (layout.ranks - 1);
  const bool by_node = algorithm == ExchangeAlgorithm::two_hop;
  const bool by_rank = algorithm == ExchangeAlgorithm::rank_dedup;
  const CountMatrix& counts = by_node ? batch.node_copies : by_rank ? batch.rank_copies : batch.expert_copies;
  std::int64_t copies = 0;
  for (int from = 0; from < counts.rows(); ++from) {
    const int own = by_node ? layout.node_of(RankId{from}) : from;
    for (int to = 0; to < counts.columns(); ++to) copies += to == own ? 0 : counts.at(from, to);
  }
  return copies;
}

}  // namespace

ExchangeTraffic measure(const ExchangePlan& plan, ExchangeAlgorithm algorithm, const RoutedBatch& batch,
                        const WireFormat& format, int top_k, const ReachLimit& limit) {
  ExchangeTraffic traffic;
  traffic.copies = remote_copies(algorithm, batch);
  traffic.elements_remote = static_cast<double>(traffic.copies) * static_cast<double>(format.hidden);
  traffic.elements_closed_form = expected_remote_copies(algorithm, batch.layout, batch.tokens,
                                                        static_cast<int>(batch.expert_tokens.size()), top_k, limit) *
                                 static_cast<double>(format.hidden);
  for (const Message& message : plan.messages) {
    const Bytes bytes = message.multiplicity * message.bytes;
    (batch.layout.same_node(message.source, message.destination) ? traffic.bytes_scale_up : traffic.bytes_scale_out) +=
        bytes;
  }
  return traffic;
}

}  // namespace moesim
