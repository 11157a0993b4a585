#include <set>

#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {

TEST_CASE("in step j every rank sends once, receives once, and has finished step j - 1", "[oracle][exchange]") {
  const int ranks = GENERATE(2, 3, 8, 13);
  const bool dispatch = GENERATE(true, false);
  const auto direction = dispatch ? ExchangeDirection::dispatch : ExchangeDirection::combine;
  const RankLayout layout{ranks, ranks};
  // One token in the whole group: nearly all messages are empty and are still there.
  const RoutedBatch batch = batch_of(layout, ranks, {{0, {1}}});
  const WireFormat format = wire_format(64, DataType::bf16);
  const auto plan = plan_exchange(ExchangeAlgorithm::pairwise, direction, batch, format);
  REQUIRE(plan.messages.size() == std::size_t(ranks) * std::size_t(ranks - 1));
  for (int step = 1; step < ranks; ++step) {
    std::set<int> senders;
    std::set<int> receivers;
    for (int i = 0; i < ranks; ++i) {
      const std::size_t index = std::size_t(step - 1) * std::size_t(ranks) + std::size_t(i);
      const Message& m = plan.messages[index];
      const int distance = dispatch ? step : ranks - step;
      CHECK((m.source.value + distance) % ranks == m.destination.value);
      senders.insert(m.source.value);
      receivers.insert(m.destination.value);
      CHECK(m.num_waits == (step == 1 ? 0 : 2));
      bool sent = step == 1;
      bool got = step == 1;
      for (std::int32_t w = 0; w < m.num_waits; ++w) {
        const auto wait = static_cast<std::size_t>(plan.waits[std::size_t(m.first_wait + w)]);
        CHECK(wait / std::size_t(ranks) == std::size_t(step - 2));
        sent = sent || plan.messages[wait].source == m.source;
        got = got || plan.messages[wait].destination == m.source;
      }
      CHECK(sent);
      CHECK(got);
    }
    CHECK(senders.size() == std::size_t(ranks));
    CHECK(receivers.size() == std::size_t(ranks));
  }
  std::int64_t bytes = 0;
  for (const Message& m : plan.messages) bytes += m.bytes.count;
  CHECK(bytes == 128);
}

}  // namespace moesim
