#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {
namespace {

// End of the last message when every message has its links to itself: `nic` bytes/s across nodes, `nvlink` inside.
double makespan_alone_s(const ExchangePlan& plan, RankLayout layout, double nic, double nvlink) {
  std::vector<double> end(plan.messages.size());
  for (std::size_t i = 0; i < end.size(); ++i) {
    const Message& m = plan.messages[i];
    double begin = 0;
    for (std::int32_t w = 0; w < m.num_waits; ++w) {
      begin = std::max(begin, end[std::size_t(plan.waits[std::size_t(m.first_wait + w)])]);
    }
    end[i] = begin + static_cast<double>(m.bytes.count) / (layout.same_node(m.source, m.destination) ? nvlink : nic);
  }
  return *std::max_element(end.begin(), end.end());
}

}  // namespace

TEST_CASE("a pipeline of c pieces hides all but the last piece's second hop", "[oracle][exchange]") {
  // 1200 tokens of rank 0 all need rank 3 of the other node (rank 2 is rank 0's rail there). With NVLink faster than
  // the NIC: n copy / nic + n copy / c / nvlink. The mirror takes the same: the first piece goes through NVLink before
  // the NIC starts.
  const int chunks = GENERATE(1, 2, 4, 6);
  const auto direction = GENERATE(ExchangeDirection::dispatch, ExchangeDirection::combine);
  std::vector<TokenChoice> tokens(1200, TokenChoice{0, {3}});
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const RoutedBatch batch = batch_of(layout, 4, tokens);
  const WireFormat format = wire_format(512, DataType::bf16);
  const auto plan = plan_exchange(ExchangeAlgorithm::two_hop, direction, batch, format, {.pipeline_chunks = chunks});
  CHECK(plan.messages.size() == std::size_t(2 * chunks));
  const double bytes = 1200 * 1024.0;
  CHECK(makespan_alone_s(plan, layout, 50e9, 160e9) == Approx(bytes / 50e9 + bytes / chunks / 160e9));
}

TEST_CASE("small transfers are not cut", "[oracle][exchange]") {
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const int tokens = GENERATE(1, 63, 64, 95, 96, 1000);
  const RoutedBatch batch = batch_of(layout, 4, std::vector<TokenChoice>(std::size_t(tokens), TokenChoice{0, {2}}));
  const auto plan = plan_exchange(ExchangeAlgorithm::two_hop, ExchangeDirection::dispatch, batch,
                                  wire_format(64, DataType::bf16), {.pipeline_chunks = 3, .min_chunk_copies = 32});
  CHECK(plan.messages.size() == std::size_t(std::clamp(tokens / 32, 1, 3)));
}

TEST_CASE("DeepSeek-V3 over 64 ranks: the NIC carries a copy a node, NVLink a copy a rank", "[oracle][exchange]") {
  // 256 experts, top 8, eight nodes of eight. Distinct remote nodes a token: 7 (1 - C(224, 8) / C(256, 8)) = 4.6328;
  // distinct remote ranks: 63 (1 - C(252, 8) / C(256, 8)) = 7.5558.
  const RankLayout layout{.ranks = 64, .ranks_per_node = 8};
  const int tokens_a_rank = 64;
  const RoutedBatch batch = batch_of(layout, 256, uniform_choices(layout, 256, 8, tokens_a_rank, 7));
  const WireFormat format = wire_format(7168, DataType::fp8, normal_dispatch_metadata(8));
  const Bytes copy = format.bytes_per_copy();
  const auto plan = plan_exchange(ExchangeAlgorithm::two_hop, ExchangeDirection::dispatch, batch, format);
  const ExchangeTraffic t = measure(plan, ExchangeAlgorithm::two_hop, batch, format, 8);
  CHECK(t.bytes_scale_out == t.copies * copy);
  CHECK(t.elements_closed_form == Approx(4096 * 4.63282 * 7168).epsilon(1e-6));
  // A token's number of remote nodes lies in 0..7, so its standard deviation is at most 3.5.
  CHECK(std::abs(t.elements_remote - t.elements_closed_form) < 4 * 3.5 * std::sqrt(4096.0) * 7168);
  // On NVLink: to every rank of the own node, and on from each forwarder to all but itself.
  std::int64_t nvlink = 0;
  for (int from = 0; from < 64; ++from) {
    for (int to = 0; to < 64; ++to) {
      const bool forwarder = layout.local(RankId{from}) == layout.local(RankId{to});
      if (!forwarder) nvlink += batch.rank_copies.at(from, to);
    }
  }
  CHECK(t.bytes_scale_up == nvlink * copy);
  // No NIC but the rail's: across nodes, local indices are equal.
  for (const Message& m : plan.messages) {
    if (!layout.same_node(m.source, m.destination)) CHECK(layout.local(m.source) == layout.local(m.destination));
  }
}

}  // namespace moesim
