#include <optional>

#include "models/exchange/expected_copies.hpp"
#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {

TEST_CASE("DeepEP's EP8 example: 205,520,896 bytes leave each rank", "[oracle][exchange]") {
  // 4096 tokens, top-8, hidden 7168 in FP8 without scales, spread evenly: 7/8 * 4096 * 8 * 7168 bytes. Shapes of the
  // table in deepseek-ai/DeepEP, README.
  RoutedBatch batch;
  batch.layout = {.ranks = 8, .ranks_per_node = 8};
  batch.tokens = 8 * 4096;
  batch.expert_tokens.assign(256, 8 * 4096 * 8 / 256);
  batch.expert_copies = batch.rank_copies = CountMatrix(8, 8);
  batch.node_copies = CountMatrix(8, 1);
  for (int from = 0; from < 8; ++from) {
    for (int to = 0; to < 8; ++to) batch.expert_copies.at(from, to) = 4096;
  }
  const WireFormat format{.hidden = 7168, .type = DataType::fp8};
  const auto plan = plan_exchange(ExchangeAlgorithm::direct, ExchangeDirection::dispatch, batch, format);
  std::vector<std::int64_t> sent(8);
  for (const Message& m : plan.messages) sent[m.source.index()] += m.bytes.count;
  for (const std::int64_t bytes : sent) CHECK(bytes == 205'520'896);
  for (const Bytes bytes : received_bytes(plan, 8)) CHECK(bytes == Bytes{205'520'896});
  const auto traffic = measure(plan, ExchangeAlgorithm::direct, batch, format, 8);
  CHECK(traffic.elements_remote == traffic.elements_closed_form);  // Evenly spread is what is expected.
}

TEST_CASE("expected copies agree with the average over every choice", "[oracle][exchange]") {
  // All C(12, 3) = 220 sets of experts, on each rank once: their average is the expectation of uniform routing.
  const RankLayout layout = GENERATE(RankLayout{6, 2}, RankLayout{4, 4}, RankLayout{6, 4}, RankLayout{3, 1});
  std::vector<TokenChoice> tokens;
  for (int source = 0; source < layout.ranks; ++source) {
    for (int a = 0; a < 12; ++a) {
      for (int b = a + 1; b < 12; ++b) {
        for (int c = b + 1; c < 12; ++c) tokens.push_back({source, {a, b, c}});
      }
    }
  }
  const RoutedBatch batch = batch_of(layout, 12, tokens);
  const WireFormat format = wire_format(64, DataType::bf16);
  for (const ExchangeAlgorithm algorithm : kAllAlgorithms) {
    CAPTURE(name(algorithm), layout.ranks, layout.ranks_per_node);
    const auto plan = plan_exchange(algorithm, ExchangeDirection::dispatch, batch, format);
    const ExchangeTraffic t = measure(plan, algorithm, batch, format, 3);
    CHECK(t.elements_remote == Approx(t.elements_closed_form).epsilon(1e-12));
  }
}

TEST_CASE("node-limited routing caps what two_hop is expected to send", "[oracle][exchange]") {
  // Eight nodes, top-8 of 256: 7 (1 - q) = 4.633 remote nodes a token. Kept to four nodes, own among them in half of
  // the cases: 4 (1 - 1/8) = 3.5. Kept to seven, 6.125 is no limit.
  const RankLayout layout{.ranks = 64, .ranks_per_node = 8};
  const auto expected = [&](ExchangeAlgorithm algorithm, std::optional<int> kept) {
    return expected_remote_copies(algorithm, layout, 1000, 256, 8, {.nodes = kept});
  };
  CHECK(expected(ExchangeAlgorithm::two_hop, std::nullopt) == Approx(4633).margin(1));
  CHECK(expected(ExchangeAlgorithm::two_hop, 4) == Approx(3500));
  CHECK(expected(ExchangeAlgorithm::two_hop, 7) == expected(ExchangeAlgorithm::two_hop, std::nullopt));
  CHECK(expected(ExchangeAlgorithm::direct, 4) == expected(ExchangeAlgorithm::direct, std::nullopt));
}

TEST_CASE("device-limited routing caps what rank_dedup is expected to send", "[oracle][exchange]") {
  // Eight ranks, top-6 of 160: 7 (1 - q) is above 3. Kept to three: 3 (1 - 1/8) = 2.625.
  const RankLayout layout{.ranks = 8, .ranks_per_node = 4};
  const auto expected = [&](std::optional<int> kept) {
    return expected_remote_copies(ExchangeAlgorithm::rank_dedup, layout, 1000, 160, 6, {.ranks = kept});
  };
  CHECK(expected(std::nullopt) > 3000);
  CHECK(expected(3) == Approx(2625));
  CHECK(expected(8) == expected(std::nullopt));
}

}  // namespace moesim
