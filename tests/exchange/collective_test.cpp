#include "models/exchange/collective.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tests/catch.hpp"

namespace moesim {
namespace {

constexpr double kRate = 100e9;  // Bytes/s of a rank's port, each way.

ExchangePlan plan(CollectiveOp op, CollectiveAlgorithm algorithm, int ranks, std::int64_t bytes, int ranks_per_node = 0,
                  int chunks = 16, int channels = 1) {
  const RankLayout layout{ranks, ranks_per_node == 0 ? ranks : ranks_per_node};
  return plan_collective({op, algorithm, Bytes{bytes}, layout, chunks, channels});
}

// End of the last message where messages that wait for the same ones go in turn over the sender's port: a step's
// messages of one rank share it. Between nodes at `nic`.
double makespan_s(const ExchangePlan& plan, RankLayout layout, double nvlink, double nic) {
  std::vector<double> end(plan.messages.size());
  std::map<std::pair<int, double>, double> port;  // (rank, begin) -> bytes time so far.
  for (std::size_t i = 0; i < end.size(); ++i) {
    const Message& m = plan.messages[i];
    double begin = 0;
    for (std::int32_t w = 0; w < m.num_waits; ++w) {
      begin = std::max(begin, end[std::size_t(plan.waits[std::size_t(m.first_wait + w)])]);
    }
    double& taken = port[{m.source.value, std::round(begin * 1e12)}];
    taken += static_cast<double>(m.bytes.count) / (layout.same_node(m.source, m.destination) ? nvlink : nic);
    end[i] = begin + taken;
  }
  return end.empty() ? 0 : *std::max_element(end.begin(), end.end());
}

double makespan_s(const ExchangePlan& plan, int ranks) { return makespan_s(plan, {ranks, ranks}, kRate, kRate); }

// Runs the plan on sets: what each rank has of every piece is the ranks whose contribution it holds. A message hands
// over everything that its source held when it left.
bool everyone_has_the_sum(const ExchangePlan& plan, int ranks) {
  std::vector<std::set<int>> held(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) held[std::size_t(rank)].insert(rank);
  for (const Message& m : plan.messages) {
    held[m.destination.index()].insert(held[m.source.index()].begin(), held[m.source.index()].end());
  }
  return std::all_of(held.begin(), held.end(), [&](const auto& set) { return int(set.size()) == ranks; });
}

}  // namespace

TEST_CASE("ring collectives take their closed form", "[oracle][exchange]") {
  // n - 1 steps of S / n each: (n - 1) / n * S / B; all_reduce has two such rounds.
  const int ranks = GENERATE(2, 3, 8, 16);
  const std::int64_t bytes = 48'000'000;
  const double round = static_cast<double>(ranks - 1) / ranks * bytes / kRate;
  using enum CollectiveOp;
  CHECK(makespan_s(plan(all_gather, CollectiveAlgorithm::ring, ranks, bytes), ranks) == Approx(round));
  CHECK(makespan_s(plan(reduce_scatter, CollectiveAlgorithm::ring, ranks, bytes), ranks) == Approx(round));
  CHECK(makespan_s(plan(all_reduce, CollectiveAlgorithm::ring, ranks, bytes), ranks) == Approx(2 * round));
}

TEST_CASE("a ring's broadcast is a pipeline of c chunks over n - 1 hops", "[oracle][exchange]") {
  // The last chunk leaves the root after c - 1 others and then makes n - 1 hops: (c + n - 2) / c * S / B.
  const int ranks = GENERATE(2, 5, 8);
  const int chunks = GENERATE(1, 4, 16);
  const auto p = plan(CollectiveOp::broadcast, CollectiveAlgorithm::ring, ranks, 16'000'000, 0, chunks);
  CHECK(makespan_s(p, ranks) == Approx((chunks + ranks - 2.0) / chunks * 16e6 / kRate));
}

TEST_CASE("a binomial broadcast doubles its holders in each round", "[oracle][exchange]") {
  const int ranks = GENERATE(2, 3, 8, 9, 32);
  const auto p = plan(CollectiveOp::broadcast, CollectiveAlgorithm::tree, ranks, 1'000'000);
  CHECK(p.messages.size() == std::size_t(ranks - 1));
  CHECK(makespan_s(p, ranks) == Approx(std::ceil(std::log2(ranks)) * 1e6 / kRate));
}

TEST_CASE("hierarchical all_reduce: two rounds in the node, a ring of S / G between nodes", "[oracle][exchange]") {
  // 2 (G - 1) / G * S / B_up + 2 (M - 1) / M * S / G / B_out
  const int nodes = GENERATE(1, 2, 4);
  const RankLayout layout{8 * nodes, 8};
  const double bytes = 64e6;
  const auto p = plan(CollectiveOp::all_reduce, CollectiveAlgorithm::hierarchical, layout.ranks, 64'000'000, 8);
  const double expected = 2 * 7.0 / 8 * bytes / 450e9 + 2.0 * (nodes - 1) / nodes * bytes / 8 / 50e9;
  CHECK(makespan_s(p, layout, 450e9, 50e9) == Approx(expected));
}

TEST_CASE("every all_reduce brings every rank's part to every rank", "[property][exchange]") {
  using enum CollectiveAlgorithm;
  const auto algorithm = GENERATE(direct, ring, tree, hierarchical);
  const int ranks = GENERATE(2, 4, 6, 8, 12, 16, 32);
  CAPTURE(name(algorithm), ranks);
  CHECK(everyone_has_the_sum(plan(CollectiveOp::all_reduce, algorithm, ranks, 1'000'000, 2, 1), ranks));
}

TEST_CASE("rings and trees of several channels bring every part to every rank, in short nodes too",
          "[property][exchange]") {
  const auto algorithm = GENERATE(CollectiveAlgorithm::ring, CollectiveAlgorithm::tree);
  const int ranks = GENERATE(5, 8, 11, 24, 32);
  const int channels = GENERATE(1, 2, 4);
  CAPTURE(name(algorithm), ranks, channels);
  const auto p = plan(CollectiveOp::all_reduce, algorithm, ranks, 1'000'003, 4, 1, channels);
  // Each channel alone: its messages stand together.
  const std::size_t of_one = p.messages.size() / std::size_t(channels);
  std::int64_t all = 0;
  for (int channel = 0; channel < channels; ++channel) {
    ExchangePlan one;
    const auto begin = p.messages.begin() + std::ptrdiff_t(of_one) * channel;
    one.messages.assign(begin, begin + std::ptrdiff_t(of_one));
    CHECK(everyone_has_the_sum(one, ranks));
  }
  for (const Message& m : p.messages) all += m.bytes.count;
  CHECK(all == 2 * (ranks - 1) * std::int64_t{1'000'003});
}

TEST_CASE("across nodes each channel has its NICs, one way in and one way out", "[oracle][exchange]") {
  // Rings: 2 (n - 1) / n * S / 8 through each local rank, and along its rail (an even number of nodes closes on it).
  const RankLayout layout{32, 8};
  const std::int64_t bytes = 32 * 8 * 1000;
  const auto p = plan(CollectiveOp::all_reduce, CollectiveAlgorithm::ring, 32, bytes, 8, 16, 8);
  std::map<int, std::int64_t> out;
  for (const Message& m : p.messages) {
    if (layout.same_node(m.source, m.destination)) continue;
    out[m.source.value] += m.bytes.count;
    CHECK(layout.local(m.source) == layout.local(m.destination));
  }
  REQUIRE(out.size() == 32);
  for (const auto& [rank, count] : out) CHECK(count == 2 * 31 * bytes / 32 / 8);
  // Trees: of all that leaves, 4 (M - 1) halves of S, each local rank has its eighth.
  std::map<int, std::int64_t> by_local;
  for (const Message& m : plan(CollectiveOp::all_reduce, CollectiveAlgorithm::tree, 32, bytes, 8, 16, 8).messages) {
    if (!layout.same_node(m.source, m.destination)) by_local[layout.local(m.source)] += m.bytes.count;
  }
  REQUIRE(by_local.size() == 8);
  for (const auto& [local, count] : by_local) CHECK(count == 2 * 3 * bytes / 8);
}

TEST_CASE("no plan is larger than is said before", "[property][exchange]") {
  for (const auto op : {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::broadcast}) {
    for (const std::string_view text : collective_algorithm_names()) {
      const auto algorithm = *collective_algorithm(text);
      if (!supports(algorithm, op)) continue;
      for (const int ranks : {4, 8, 24}) {
        const CollectiveRequest request{op, algorithm, Bytes{1000}, {ranks, 4}, 16, 4};
        const ExchangePlan made = plan_collective(request);
        const PlanSize most = most_of_plan(request);
        CAPTURE(name(op), text, ranks);
        CHECK(double(made.messages.size()) <= most.messages);
        CHECK(double(made.waits.size()) <= most.waits);
        CHECK(2.5 * double(made.messages.size()) >= most.messages);
      }
    }
  }
}

TEST_CASE("odd numbers of ranks make trees, too", "[property][exchange]") {
  const int ranks = GENERATE(3, 5, 7, 9, 31);
  CHECK(everyone_has_the_sum(plan(CollectiveOp::all_reduce, CollectiveAlgorithm::tree, ranks, 1'000'000, 0, 1), ranks));
}

TEST_CASE("what crosses every rank's port adds up", "[property][exchange]") {
  // Bytes into a rank: ring and direct all_reduce 2 (n - 1) / n S; in the network S. A double tree: every rank is inner
  // node of one tree and leaf of the other (even n; two roots aside), so that all together 2 (n - 1) S in and out.
  const int ranks = GENERATE(2, 4, 8, 16);
  const std::int64_t bytes = 16'000'000;
  const auto received = [&](CollectiveAlgorithm algorithm) {
    return received_bytes(plan(CollectiveOp::all_reduce, algorithm, ranks, bytes), ranks);
  };
  for (const auto algorithm : {CollectiveAlgorithm::ring, CollectiveAlgorithm::direct}) {
    for (const Bytes in : received(algorithm)) CHECK(in.count == 2 * bytes / ranks * (ranks - 1));
  }
  for (const Bytes in : received(CollectiveAlgorithm::in_network)) CHECK(in.count == bytes);
  std::int64_t all = 0;
  for (const Bytes in : received(CollectiveAlgorithm::tree)) {
    all += in.count;
    CHECK(in.count <= 2 * bytes + bytes / 2);
  }
  CHECK(all == 2 * (ranks - 1) * bytes);
}

TEST_CASE("parts of odd sizes add up", "[property][exchange]") {
  const std::int64_t bytes = GENERATE(0, 1, 7, 1'000'003);
  const auto p = plan(CollectiveOp::all_gather, CollectiveAlgorithm::direct, 6, bytes);
  for (const Bytes in : received_bytes(p, 6)) CHECK(in.count <= bytes);
  std::int64_t all = 0;
  for (const Bytes in : received_bytes(p, 6)) all += in.count;
  CHECK(all == 5 * bytes);
}

TEST_CASE("trees reduce towards the root before they hand out", "[property][exchange]") {
  // One chunk: up-going messages of a tree wait for those of the children; every down-going one is after the root has
  // everything.
  const int ranks = 8;
  const auto p = plan(CollectiveOp::all_reduce, CollectiveAlgorithm::tree, ranks, 1'000'000, 0, 1);
  REQUIRE(p.messages.size() == 4 * (ranks - 1));
  for (int half = 0; half < 2; ++half) {
    const std::size_t first = std::size_t(half) * 2 * (ranks - 1);
    std::set<int> sent;  // Ranks that have sent up.
    for (std::size_t i = first; i < first + ranks - 1; ++i) {
      CHECK(sent.insert(p.messages[i].source.value).second);
      CHECK(sent.count(p.messages[i].destination.value) == 0);  // It still waits for its children.
    }
    for (std::size_t i = 0; i < ranks - 1; ++i) {  // Down: the mirror.
      const Message& up = p.messages[first + i];
      const Message& down = p.messages[first + 2 * (ranks - 1) - 1 - i];
      CHECK(up.source == down.destination);
      CHECK(up.destination == down.source);
    }
  }
}

TEST_CASE("bus bandwidth by nccl-tests' convention", "[oracle][exchange]") {
  CHECK(bus_factor(CollectiveOp::all_reduce, 8) == Approx(2 * 7.0 / 8));
  CHECK(bus_factor(CollectiveOp::all_gather, 4) == Approx(3.0 / 4));
  CHECK(bus_factor(CollectiveOp::reduce_scatter, 4) == Approx(3.0 / 4));
  CHECK(bus_factor(CollectiveOp::broadcast, 4) == 1);
  CHECK(bus_factor(CollectiveOp::send_recv, 2) == 1);
}

TEST_CASE("a ring copies its last piece", "[oracle][exchange]") {
  // 4,000 bytes on 4 ranks: 1,000 of them at 1 GB/s, 1 us before each rank's first message. No other algorithm does.
  ExchangeOptions options;
  options.launch = Picoseconds::from_us(5);
  options.local_copy_rate = Bandwidth::gbyte_per_s(1);
  const auto algorithm = GENERATE(CollectiveAlgorithm::ring, CollectiveAlgorithm::direct, CollectiveAlgorithm::tree,
                                  CollectiveAlgorithm::in_network);
  const double first_us = algorithm == CollectiveAlgorithm::ring ? 6 : 5;
  const auto p = plan_collective({CollectiveOp::all_reduce, algorithm, Bytes{4'000}, RankLayout{4, 4}}, options);
  int first = 0;
  for (const Message& m : p.messages) {
    CHECK(m.lead == (m.num_waits == 0 ? Picoseconds::from_us(first_us) : Picoseconds{}));
    first += m.num_waits == 0 ? 1 : 0;
  }
  CHECK(first > 0);
}

TEST_CASE("a protocol for short messages is taken where it is over before the other begins", "[oracle][exchange]") {
  // 6 us + n / 8 GB/s < 14 us below 64,000 bytes.
  ExchangeOptions options;
  options.launch = Picoseconds::from_us(14);
  options.eager = EagerProtocol{Picoseconds::from_us(6), Bandwidth::gbyte_per_s(8)};
  const std::vector<Bytes> sizes{{0}, {63'999}, {64'001}, {0}};
  const auto p = plan_all_to_all(2, sizes, false, options);
  REQUIRE(p.messages.size() == 2);
  CHECK(p.messages[0].lead == Picoseconds::from_us(6));
  CHECK(p.messages[0].pacing == Bytes{63'999} / Bandwidth::gbyte_per_s(8));
  CHECK(p.messages[1].lead == Picoseconds::from_us(14));
  CHECK(p.messages[1].pacing == Picoseconds{});
}

}  // namespace moesim
