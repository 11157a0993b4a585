#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {

TEST_CASE("a rank posts its messages one after another", "[oracle][exchange]") {
  // 4 ranks, 4 experts, top-3; rank 0 holds two tokens: {1, 2, 3} and {0, 1, 2}. It sends 2 + 2 + 1 = 5 messages. With
  // 1 us to post one, the first can leave after 1 us and the flows cannot end before the other four are posted.
  const RoutedBatch batch = batch_of({4, 4}, 4, {{0, {1, 2, 3}}, {0, {0, 1, 2}}});
  const WireFormat format = wire_format(512, DataType::bf16);
  const ExchangeOptions options{.message_overhead = Picoseconds::from_us(1)};
  const auto plan = plan_exchange(ExchangeAlgorithm::low_latency, ExchangeDirection::dispatch, batch, format, options);
  REQUIRE(plan.messages.size() == 3);
  const int multiplicities[] = {2, 2, 1};
  for (std::size_t i = 0; i < 3; ++i) {
    const Message& m = plan.messages[i];
    CHECK(m.destination == RankId{static_cast<int>(i) + 1});
    CHECK(m.multiplicity == multiplicities[i]);
    CHECK(m.bytes == Bytes{1024});
    CHECK(m.pacing == Picoseconds::from_us(4));
    const FlowSpec flow = flow_spec(plan, m, RouteId{0});
    // Alone on fast links: start-up plus bytes at the paced rate is 5 us, the time to post all five.
    const double end_us = flow.start_up.us() + 1024 / flow.rate_cap->bytes_per_s() * 1e6;
    CHECK(end_us == Approx(5.0));
  }
  // Combine: each expert's rank answers with as many, and is paced by its own count: rank 3 sends one, unpaced.
  const auto back = plan_exchange(ExchangeAlgorithm::low_latency, ExchangeDirection::combine, batch, format, options);
  REQUIRE(back.messages.size() == 3);
  CHECK(back.messages[0].source == RankId{1});
  CHECK(back.messages[0].pacing == Picoseconds::from_us(1));
  CHECK(back.messages[2].pacing == Picoseconds::zero());
  CHECK(!flow_spec(back, back.messages[2], RouteId{0}).rate_cap);
}

}  // namespace moesim
