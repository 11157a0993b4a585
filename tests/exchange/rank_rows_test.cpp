#include "models/exchange/rank_rows.hpp"

#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {

TEST_CASE("rows around an exchange, by hand", "[oracle][exchange]") {
  // Two nodes of one rank each with two experts. Rank 0: token {0, 1}, both its own, and token {1, 2, 3}.
  const RoutedBatch batch = batch_of({2, 1}, 4, {{0, {0, 1}}, {0, {1, 2, 3}}});
  const auto direct = rank_rows(ExchangeAlgorithm::direct, batch);
  CHECK(direct[0].packed == 5);
  CHECK(direct[0].received == 3);
  CHECK(direct[1].received == 2);
  CHECK(direct[1].packed == 0);
  const auto dedup = rank_rows(ExchangeAlgorithm::rank_dedup, batch);
  CHECK(dedup[0].packed == 3);
  CHECK(dedup[0].received == 2);
  CHECK(dedup[1].received == 1);
  const auto low = rank_rows(ExchangeAlgorithm::low_latency, batch);
  CHECK(low[0].packed == 1);  // Two tokens, counted as one a rank.
  CHECK(low[0].returned == 5);
}

TEST_CASE("what is packed for a rank is what is unpacked", "[property][exchange]") {
  const auto seed = GENERATE(range(1u, 21u));
  CAPTURE(seed);
  const RankLayout layout{.ranks = 8, .ranks_per_node = 4};
  const RoutedBatch batch = batch_of(layout, 16, uniform_choices(layout, 16, 3, 17, seed));
  for (const auto algorithm : {ExchangeAlgorithm::direct, ExchangeAlgorithm::pairwise, ExchangeAlgorithm::rank_dedup}) {
    std::int64_t packed = 0;
    std::int64_t received = 0;
    for (const RankRows& r : rank_rows(algorithm, batch)) {
      packed += r.packed;
      received += r.received;
      CHECK(r.tokens == 17);
      CHECK(r.returned == r.packed);
    }
    CHECK(packed == received);
  }
}

TEST_CASE("padded buffers are rows, filled or not", "[oracle][exchange]") {
  // Four experts on two ranks, five slots each: 20 rows out of a rank, and 2 experts * 2 ranks * 5 slots in.
  const RoutedBatch batch = batch_of({2, 1}, 4, {{0, {0, 1}}, {0, {1, 2, 3}}});
  for (const RankRows& r : rank_rows(ExchangeAlgorithm::direct, batch, 5)) {
    CHECK(r.tokens == 1);
    CHECK(r.packed == 20);
    CHECK(r.received == 20);
    CHECK(r.returned == 20);
  }
}

}  // namespace moesim
