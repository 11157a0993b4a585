#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {
namespace {

// Two nodes of two ranks, eight experts, two a rank: rank 0 {0, 1}, 1 {2, 3}, 2 {4, 5}, 3 {6, 7}. A copy is 10 bytes.
// Rank 0's token A takes experts 4, 5, 6 (rank 2 twice, rank 3 once); rank 0's token B takes 0, 2, 7 (itself, rank 1,
// rank 3); rank 3's token C takes 2, 3, 6 (rank 1 twice, itself).
RoutedBatch example() {
  return batch_of({.ranks = 4, .ranks_per_node = 2}, 8, {{0, {4, 5, 6}}, {0, {0, 2, 7}}, {3, {2, 3, 6}}});
}

const WireFormat kTenBytes{.hidden = 10, .type = DataType::fp8};

ExchangePlan plan(ExchangeAlgorithm algorithm, const ExchangeOptions& options = {}) {
  return plan_exchange(algorithm, ExchangeDirection::dispatch, example(), kTenBytes, options);
}

}  // namespace

TEST_CASE("direct sends a copy an expert", "[oracle][exchange]") {
  const PairBytes expected{{{0, 1}, 10}, {{0, 2}, 20}, {{0, 3}, 20}, {{3, 1}, 20}};
  CHECK(pair_bytes(plan(ExchangeAlgorithm::direct)) == expected);
  CHECK(pair_bytes(plan(ExchangeAlgorithm::low_latency)) == expected);
}

TEST_CASE("rank_dedup sends a copy a rank", "[oracle][exchange]") {
  const PairBytes expected{{{0, 1}, 10}, {{0, 2}, 10}, {{0, 3}, 20}, {{3, 1}, 10}};
  CHECK(pair_bytes(plan(ExchangeAlgorithm::rank_dedup)) == expected);
}

TEST_CASE("two_hop sends a copy a node and forwards it inside", "[oracle][exchange]") {
  // Rank 0 crosses to rank 2, its rail in node 1, with A and B: 20 bytes. Rank 2 keeps A and hands A and B to rank 3.
  // Rank 3 crosses to rank 1 with C, which stays there.
  const PairBytes expected{{{0, 1}, 10}, {{0, 2}, 20}, {{2, 3}, 20}, {{3, 1}, 10}};
  const ExchangePlan p = plan(ExchangeAlgorithm::two_hop);
  CHECK(pair_bytes(p) == expected);
  const ExchangeTraffic t = measure(p, ExchangeAlgorithm::two_hop, example(), kTenBytes, 3);
  CHECK(t.copies == 3);  // A and B to node 1, C to node 0.
  CHECK(t.elements_remote == 30);
  CHECK(t.bytes_scale_up == Bytes{30});
  CHECK(t.bytes_scale_out == Bytes{30});
}

TEST_CASE("all_gather brings every token to every rank", "[oracle][exchange]") {
  // Three tokens on four ranks count as one each on ranks 0, 1, 2. Ranks 0 and 2 hold rail 0, 1 and 3 rail 1.
  const PairBytes expected{{{0, 2}, 10}, {{0, 1}, 20}, {{1, 3}, 10}, {{1, 0}, 10},
                           {{2, 0}, 10}, {{2, 3}, 20}, {{3, 2}, 10}};
  const ExchangePlan p = plan(ExchangeAlgorithm::all_gather);
  CHECK(pair_bytes(p) == expected);
  CHECK(measure(p, ExchangeAlgorithm::all_gather, example(), kTenBytes, 3).copies == 3 * 3);
}

TEST_CASE("padded buffers make every pair's bytes equal", "[oracle][exchange]") {
  // 5 slots for each of a rank's 2 experts: 100 bytes a pair; 4 ordered pairs inside nodes, 8 across.
  ExchangeOptions options;
  options.padded_slots_per_expert = 5;
  const auto algorithm = GENERATE(ExchangeAlgorithm::direct, ExchangeAlgorithm::pairwise);
  const ExchangePlan p = plan(algorithm, options);
  CHECK(p.messages.size() == 12);
  for (const auto& [pair, bytes] : pair_bytes(p)) CHECK(bytes == 100);
  const ExchangeTraffic t = measure(p, algorithm, example(), kTenBytes, 3);
  CHECK(t.bytes_scale_up == Bytes{400});
  CHECK(t.bytes_scale_out == Bytes{800});
  CHECK(t.copies == 7);  // Padding is not copies.
}

TEST_CASE("only buffers of one expert can be padded", "[exchange]") {
  ExchangeOptions options;
  options.padded_slots_per_expert = 5;
  for (const ExchangeAlgorithm algorithm : kAllAlgorithms) {
    if (!supports_padding(algorithm)) CHECK_THROWS_AS(plan(algorithm, options), InternalError);
  }
}

TEST_CASE("algorithm names go both ways", "[exchange]") {
  for (const ExchangeAlgorithm algorithm : kAllAlgorithms) CHECK(exchange_algorithm(name(algorithm)) == algorithm);
  CHECK(!exchange_algorithm("ring"));
}

TEST_CASE("a flow takes the tighter of the two rate caps", "[oracle][exchange]") {
  ExchangePlan p;
  p.message_overhead = Picoseconds::from_us(1);
  Message m{.source = RankId{0}, .destination = RankId{1}, .bytes = {1'000}};
  CHECK(!flow_spec(p, m, RouteId{3}).rate_cap);
  CHECK(flow_spec(p, m, RouteId{3}).start_up == Picoseconds::from_us(1));
  CHECK(flow_spec(p, m, RouteId{3}).route == RouteId{3});
  m.pacing = Picoseconds::from_us(10);  // 1000 B in 10 us: 0.1 GB/s.
  CHECK(flow_spec(p, m, RouteId{3}).rate_cap->gbyte_per_s() == Approx(0.1));
  p.message_rate_cap = Bandwidth::gbyte_per_s(0.05);
  CHECK(flow_spec(p, m, RouteId{3}).rate_cap->gbyte_per_s() == Approx(0.05));
}

}  // namespace moesim
