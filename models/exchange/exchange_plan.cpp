#include "models/exchange/exchange_plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "models/exchange/plan_builder.hpp"

namespace moesim {
namespace {

constexpr std::array<std::pair<ExchangeAlgorithm, std::string_view>, 6> kAlgorithms{{
    {ExchangeAlgorithm::direct, "direct"},
    {ExchangeAlgorithm::pairwise, "pairwise"},
    {ExchangeAlgorithm::rank_dedup, "rank_dedup"},
    {ExchangeAlgorithm::two_hop, "two_hop"},
    {ExchangeAlgorithm::low_latency, "low_latency"},
    {ExchangeAlgorithm::all_gather, "all_gather"},
}};

void check_shapes(const RoutedBatch& batch) {
  const RankLayout layout = batch.layout;
  MOESIM_CHECK(layout.ranks > 0 && layout.ranks_per_node > 0, "{} ranks, {} a node", layout.ranks,
               layout.ranks_per_node);
  for (const CountMatrix* m : {&batch.expert_copies, &batch.rank_copies}) {
    MOESIM_CHECK(m->rows() == layout.ranks && m->columns() == layout.ranks, "copies [{}, {}] of {} ranks", m->rows(),
                 m->columns(), layout.ranks);
  }
  MOESIM_CHECK(batch.node_copies.rows() == layout.ranks && batch.node_copies.columns() == layout.nodes(),
               "copies [{}, {}] of {} ranks and {} nodes", batch.node_copies.rows(), batch.node_copies.columns(),
               layout.ranks, layout.nodes());
}

ExchangePlan plan_of(ExchangeAlgorithm algorithm, const detail::ExchangeInput& input) {
  switch (algorithm) {
    case ExchangeAlgorithm::direct:
      return detail::plan_direct(input);
    case ExchangeAlgorithm::pairwise:
      return detail::plan_pairwise(input);
    case ExchangeAlgorithm::rank_dedup:
      return detail::plan_rank_dedup(input);
    case ExchangeAlgorithm::two_hop:
      return detail::plan_two_hop(input);
    case ExchangeAlgorithm::low_latency:
      return detail::plan_low_latency(input);
    case ExchangeAlgorithm::all_gather:
      return detail::plan_all_gather(input);
  }
  MOESIM_CHECK(false, "exchange algorithm {}", static_cast<int>(algorithm));
}

}  // namespace

std::optional<ExchangeAlgorithm> exchange_algorithm(std::string_view name) {
  for (const auto& [algorithm, text] : kAlgorithms) {
    if (text == name) return algorithm;
  }
  return std::nullopt;
}

std::string_view name(ExchangeAlgorithm algorithm) { return kAlgorithms[static_cast<std::size_t>(algorithm)].second; }

bool supports_padding(ExchangeAlgorithm algorithm) {
  return algorithm == ExchangeAlgorithm::direct || algorithm == ExchangeAlgorithm::pairwise;
}

ExchangePlan plan_exchange(ExchangeAlgorithm algorithm, ExchangeDirection direction, const RoutedBatch& batch,
                           const WireFormat& format, const ExchangeOptions& options) {
  check_shapes(batch);
  MOESIM_CHECK(!options.padded_slots_per_expert || supports_padding(algorithm), "{} cannot be padded", name(algorithm));
  ExchangePlan plan = plan_of(algorithm, {batch, options, direction, format.bytes_per_copy()});
  for (Message& message : plan.messages) {
    if (message.num_waits == 0) message.pacing = std::max(message.pacing, options.least_transfer);
  }
  return plan;
}

FlowSpec flow_spec(const ExchangePlan& plan, const Message& message, RouteId route) {
  FlowSpec flow{.route = route,
                .bytes = message.bytes,
                .start_up = plan.message_overhead + message.lead,
                .rate_cap = plan.message_rate_cap,
                .multiplicity = message.multiplicity};
  if (message.pacing > Picoseconds::zero() && message.bytes.count > 0) {
    const auto paced = Bandwidth::bytes_per_s(static_cast<double>(message.bytes.count) / message.pacing.seconds());
    if (!flow.rate_cap || paced < *flow.rate_cap) flow.rate_cap = paced;
  }
  return flow;
}

std::vector<Bytes> received_bytes(const ExchangePlan& plan, int ranks) {
  std::vector<Bytes> received(static_cast<std::size_t>(ranks));
  for (const Message& message : plan.messages) {
    received[message.destination.index()] += message.multiplicity * message.bytes;
  }
  return received;
}

}  // namespace moesim
