#include "models/exchange/library.hpp"

#include <algorithm>
#include <set>

#include "tests/catch.hpp"
#include "tests/exchange/batches.hpp"

namespace moesim {
namespace {

const RankLayout kLayout{.ranks = 16, .ranks_per_node = 8};

RoutedBatch batch() { return batch_of(kLayout, 64, uniform_choices(kLayout, 64, 4, 100, 3)); }

ExchangePlan plan(ExchangeAlgorithm algorithm, ExchangeDirection direction, const ExchangeOptions& options) {
  return plan_exchange(algorithm, direction, batch(), wire_format(512, DataType::bf16), options);
}

}  // namespace

TEST_CASE("a launch delays the first message of a chain, and no other", "[oracle][exchange]") {
  const auto direction = GENERATE(ExchangeDirection::dispatch, ExchangeDirection::combine);
  ExchangeOptions options;
  options.launch = Picoseconds::from_us(20);
  for (const auto algorithm : {ExchangeAlgorithm::two_hop, ExchangeAlgorithm::pairwise, ExchangeAlgorithm::direct}) {
    for (const Message& m : plan(algorithm, direction, options).messages) {
      CHECK(m.lead == (m.num_waits == 0 ? options.launch : Picoseconds{}));
    }
  }
}

TEST_CASE("multiprocessors copy for the NIC and for the ranks", "[oracle][exchange]") {
  // Dispatch: a copy for each rank and one for each node; combine: the ranks' by half of them. No rank's messages
  // across nodes can be over sooner, nor those inside.
  const auto direction = GENERATE(ExchangeDirection::dispatch, ExchangeDirection::combine);
  ExchangeOptions options;
  options.copy_rate = Bandwidth::gbyte_per_s(10);
  options.pipeline_chunks = 1;
  const RoutedBatch routed = batch();
  const auto p = plan(ExchangeAlgorithm::two_hop, direction, options);
  const bool dispatch = direction == ExchangeDirection::dispatch;
  std::size_t paced = 0;
  for (const Message& m : p.messages) {
    const RankId from = dispatch ? m.source : m.destination;
    const RankId to = dispatch ? m.destination : m.source;
    const bool own = kLayout.same_node(from, to);
    // Forwarded messages wait for those that they pass on; what crosses and what stays in the node is the rank's own.
    if (own && (dispatch ? m.num_waits > 0 : m.pacing == Picoseconds{})) continue;
    std::int64_t copies = 0;
    for (int rank = 0; rank < 16; ++rank) copies += routed.rank_copies.at(from.value, rank) * (dispatch ? 1 : 2);
    for (int node = 0; node < 2 && dispatch; ++node) copies += routed.node_copies.at(from.value, node);
    CHECK(m.pacing == copies * Bytes{1024} / *options.copy_rate);
    ++paced;
  }
  CHECK(paced >= 16 * 8);
}

TEST_CASE("low latency: one signal for each expert of another node", "[oracle][exchange]") {
  // 64 experts, half of them on the other node: 32 signals before the bytes.
  ExchangeOptions options;
  options.launch = Picoseconds::from_us(10);
  options.signal = Picoseconds::from_us(0.05);
  const auto direction = GENERATE(ExchangeDirection::dispatch, ExchangeDirection::combine);
  for (const Message& m : plan(ExchangeAlgorithm::low_latency, direction, options).messages) {
    CHECK(m.lead == Picoseconds::from_us(10 + 32 * 0.05));
  }
}

TEST_CASE("two hops: one signal for every other node", "[oracle][exchange]") {
  ExchangeOptions options;
  options.signal = Picoseconds::from_us(7);
  const RankLayout layout{.ranks = 16, .ranks_per_node = 4};
  const RoutedBatch routed = batch_of(layout, 64, uniform_choices(layout, 64, 4, 100, 3));
  const auto p = plan_exchange(ExchangeAlgorithm::two_hop, ExchangeDirection::dispatch, routed,
                               wire_format(512, DataType::bf16), options);
  for (const Message& m : p.messages) CHECK(m.lead == (m.num_waits == 0 ? Picoseconds::from_us(21) : Picoseconds{}));
}

TEST_CASE("a floor holds every message back", "[oracle][exchange]") {
  ExchangeOptions options;
  options.least_transfer = Picoseconds::from_us(15);
  for (const Message& m : plan(ExchangeAlgorithm::direct, ExchangeDirection::combine, options).messages) {
    CHECK(m.pacing == options.least_transfer);
    const FlowSpec flow = flow_spec({}, m, RouteId{0});
    CHECK(flow.rate_cap->bytes_per_s() == Approx(static_cast<double>(m.bytes.count) / 15e-6));
  }
}

TEST_CASE("constants reach the options", "[exchange]") {
  const ExchangeLibrary library{.name = "x-y",
                                .library = "x",
                                .description = "",
                                .gpus = {"y"},
                                .algorithms = {ExchangeAlgorithm::two_hop},
                                .constants = {{"launch_us", 3, ConstantOrigin::fitted, ""},
                                              {"combine_floor_us", 4, ConstantOrigin::fitted, ""},
                                              {"copy_gb_per_s_per_sm", 2, ConstantOrigin::fitted, ""}}};
  ExchangeOptions dispatch;
  apply_library(library, ExchangeDirection::dispatch, 10, dispatch);
  CHECK(dispatch.launch == Picoseconds::from_us(3));
  CHECK(dispatch.least_transfer == Picoseconds{});
  CHECK(dispatch.copy_rate->bytes_per_s() == Approx(20e9));
  ExchangeOptions combine;
  apply_library(library, ExchangeDirection::combine, 10, combine);
  CHECK(combine.least_transfer == Picoseconds::from_us(4));
  CHECK(combine.copy_rate->bytes_per_s() == Approx(20e9));
  CHECK(library.uses_multiprocessors());
  CHECK_FALSE(library.constant("signal_us"));
}

}  // namespace moesim
