#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {
namespace {

struct Case {
  RankLayout layout;
  int experts;
  int top_k;
  int tokens_a_rank;
};

// Nodes of one rank, one node, full nodes, a short last node.
Case draw(unsigned seed) {
  constexpr RankLayout kLayouts[] = {{2, 1}, {4, 4}, {8, 4}, {12, 4}, {6, 4}, {9, 4}, {16, 2}};
  const RankLayout layout = kLayouts[seed % 7];
  return {layout, layout.ranks * (1 + static_cast<int>(seed % 3)), 1 + static_cast<int>(seed % 5) % layout.ranks,
          1 + static_cast<int>(seed * 13 % 90)};
}

RoutedBatch routed(const Case& c, unsigned seed) {
  return batch_of(c.layout, c.experts, uniform_choices(c.layout, c.experts, c.top_k, c.tokens_a_rank, seed));
}

// Copies of each source's tokens that each rank has got, following forwarded messages back to where they crossed.
// A forwarded message waits for exactly one message, which ends where it starts.
CountMatrix delivered(const ExchangePlan& plan, const RoutedBatch& batch, Bytes copy) {
  CountMatrix got(batch.layout.ranks, batch.layout.ranks);
  for (const Message& m : plan.messages) {
    int origin = m.source.value;
    for (std::int32_t w = 0; w < m.num_waits; ++w) {
      const Message& before = plan.messages[std::size_t(plan.waits[std::size_t(m.first_wait + w)])];
      if (before.destination == m.source && !batch.layout.same_node(before.source, m.source)) {
        origin = before.source.value;
      }
    }
    REQUIRE(m.bytes.count % copy.count == 0);
    got.at(origin, m.destination.value) += m.multiplicity * (m.bytes.count / copy.count);
  }
  return got;
}

}  // namespace

TEST_CASE("every copy that must leave arrives exactly once", "[property][exchange]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  const Case c = draw(seed);
  const RoutedBatch batch = routed(c, seed);
  const WireFormat format = wire_format(96, DataType::fp8);
  const ExchangeOptions options{.pipeline_chunks = 1 + static_cast<int>(seed % 4), .min_chunk_copies = 1 + seed % 9};
  for (const ExchangeAlgorithm algorithm : kAllAlgorithms) {
    CAPTURE(name(algorithm));
    // Pairwise chains messages of a rank, but never forwards.
    if (algorithm == ExchangeAlgorithm::pairwise) continue;
    const auto plan = plan_exchange(algorithm, ExchangeDirection::dispatch, batch, format, options);
    const CountMatrix got = delivered(plan, batch, format.bytes_per_copy());
    for (int from = 0; from < c.layout.ranks; ++from) {
      for (int to = 0; to < c.layout.ranks; ++to) {
        if (from == to) {
          CHECK(got.at(from, to) == 0);
          continue;
        }
        const int node = c.layout.node_of(RankId{to});
        const int first = node * c.layout.ranks_per_node;
        const int ranks_there = std::min(c.layout.ranks_per_node, c.layout.ranks - first);
        const bool forwarder =
            !c.layout.same_node(RankId{from}, RankId{to}) && to == first + c.layout.local(RankId{from}) % ranks_there;
        std::int64_t expected = 0;
        switch (algorithm) {
          case ExchangeAlgorithm::direct:
          case ExchangeAlgorithm::pairwise:
          case ExchangeAlgorithm::low_latency:
            expected = batch.expert_copies.at(from, to);
            break;
          case ExchangeAlgorithm::rank_dedup:
            expected = batch.rank_copies.at(from, to);
            break;
          case ExchangeAlgorithm::two_hop:
            // The forwarder gets all that the node needs.
            expected = forwarder ? batch.node_copies.at(from, node) : batch.rank_copies.at(from, to);
            break;
          case ExchangeAlgorithm::all_gather:
            expected = c.tokens_a_rank;
            break;
        }
        CHECK(got.at(from, to) == expected);
      }
    }
  }
}

TEST_CASE("messages refer to earlier ones, and combine mirrors dispatch", "[property][exchange]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  const Case c = draw(seed);
  const RoutedBatch batch = routed(c, seed);
  const WireFormat format = wire_format(96, DataType::bf16);
  const ExchangeOptions options{.pipeline_chunks = 1 + static_cast<int>(seed % 4), .min_chunk_copies = 1};
  for (const ExchangeAlgorithm algorithm : kAllAlgorithms) {
    CAPTURE(name(algorithm));
    const auto dispatch = plan_exchange(algorithm, ExchangeDirection::dispatch, batch, format, options);
    const auto combine = plan_exchange(algorithm, ExchangeDirection::combine, batch, format, options);
    for (const ExchangePlan* plan : {&dispatch, &combine}) {
      for (std::size_t i = 0; i < plan->messages.size(); ++i) {
        const Message& m = plan->messages[i];
        CHECK(m.source != m.destination);
        bool source_started = m.waits_for_source;
        for (std::int32_t w = 0; w < m.num_waits; ++w) {
          const auto wait = static_cast<std::size_t>(plan->waits[std::size_t(m.first_wait + w)]);
          REQUIRE(wait < i);
          const Message& before = plan->messages[wait];
          // What one waits for, one sent or one receives.
          CHECK((before.destination == m.source || before.source == m.source));
          source_started = source_started || before.source == m.source;
        }
        CHECK(source_started);
      }
    }
    PairBytes turned;
    for (const auto& [pair, bytes] : pair_bytes(combine)) turned[{pair.second, pair.first}] = bytes;
    CHECK(turned == pair_bytes(dispatch));
    const auto there = measure(dispatch, algorithm, batch, format, c.top_k);
    const auto back = measure(combine, algorithm, batch, format, c.top_k);
    CHECK(there.copies == back.copies);
    CHECK(there.bytes_scale_up == back.bytes_scale_up);
    CHECK(there.bytes_scale_out == back.bytes_scale_out);
    Bytes received{};
    for (const Bytes b : received_bytes(dispatch, c.layout.ranks)) received += b;
    CHECK(received == there.bytes_scale_up + there.bytes_scale_out);
  }
}

TEST_CASE("fewer copies the coarser the destination", "[property][exchange]") {
  // A token has no more distinct nodes than distinct ranks, and no more ranks than experts; and it reaches every rank.
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  const Case c = draw(seed);
  const RoutedBatch batch = routed(c, seed);
  const WireFormat format = wire_format(64, DataType::bf16);
  std::vector<std::int64_t> copies;
  for (const auto algorithm : {ExchangeAlgorithm::two_hop, ExchangeAlgorithm::rank_dedup, ExchangeAlgorithm::direct}) {
    const auto plan = plan_exchange(algorithm, ExchangeDirection::dispatch, batch, format);
    copies.push_back(measure(plan, algorithm, batch, format, c.top_k).copies);
  }
  CHECK(copies[0] <= copies[1]);
  CHECK(copies[1] <= copies[2]);
  CHECK(copies[1] <= batch.tokens * (c.layout.ranks - 1));
}

}  // namespace moesim
