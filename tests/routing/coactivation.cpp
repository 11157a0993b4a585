// Experts that are chosen together come together.
#include "models/routing/placement/coactivation.hpp"

#include <array>
#include <bit>

#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

std::vector<std::int32_t> nodes_of(const ExpertPlacement& placement, const RankLayout& layout) {
  std::vector<std::int32_t> nodes;
  for (int e = 0; e < placement.experts(); ++e) {
    nodes.push_back(layout.node_of(placement.rank_of(placement.slots_of(e)[0])));
  }
  return nodes;
}

TEST_CASE("pairs are counted once a token, those that were dropped not", "[oracle]") {
  Choices choices;
  choices.slots = 3;
  choices.experts = {0, 1, 2, 2, 0, Choices::kDropped, 1, Choices::kEmpty, Choices::kEmpty};
  Coactivation pairs(4);
  pairs.add(choices);
  CHECK(pairs.at(0, 1) == 1);
  CHECK(pairs.at(0, 2) == 2);
  CHECK(pairs.at(2, 0) == 2);
  CHECK(pairs.at(1, 2) == 1);
  CHECK(pairs.at(0, 3) == 0);
  CHECK(pairs.at(0, 0) == 0);
  CHECK(split_pairs(pairs, std::vector<std::int32_t>{0, 0, 1, 1}) == 3);
}

TEST_CASE("hidden clusters are found, whatever the experts' numbers", "[oracle]") {
  // Expert e belongs to cluster e mod 4: tokens choose three experts of one cluster, and every tenth token one more
  // of another.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 6);
    Choices choices;
    choices.slots = 4;
    std::vector<double> loads(32);
    for (int token = 0; token < 4000; ++token) {
      const auto cluster = static_cast<std::int32_t>(rng.below(4));
      std::array<std::int32_t, 8> members{0, 1, 2, 3, 4, 5, 6, 7};
      for (std::uint32_t i = 0; i < 3; ++i) {
        std::swap(members[i], members[i + rng.below(8 - i)]);
        choices.experts.push_back(cluster + 4 * members[i]);
      }
      const auto stranger = (cluster + 1 + static_cast<std::int32_t>(rng.below(3))) % 4;
      choices.experts.push_back(token % 10 == 0 ? stranger : Choices::kEmpty);
    }
    for (const std::int32_t e : choices.experts) {
      if (e >= 0) ++loads[static_cast<std::size_t>(e)];
    }
    Coactivation pairs(32);
    pairs.add(choices);
    const RankLayout layout{.ranks = 8, .ranks_per_node = 2};
    const auto nodes = nodes_of(place_by_coactivation(loads, pairs, layout, 0.2), layout);
    for (std::size_t e = 0; e < 32; ++e) CHECK(nodes[e] == nodes[e % 4]);
  }
}

// The fewest pairs that a division into two nodes of equal size splits, by trying all.
std::int64_t fewest_split_pairs(const Coactivation& pairs) {
  const int experts = pairs.experts();
  std::int64_t fewest = INT64_MAX;
  for (std::uint32_t set = 0; set < 1U << experts; ++set) {
    if (std::popcount(set) != experts / 2) continue;
    std::vector<std::int32_t> nodes;
    for (int e = 0; e < experts; ++e) nodes.push_back(static_cast<std::int32_t>(set >> e & 1));
    fewest = std::min(fewest, split_pairs(pairs, nodes));
  }
  return fewest;
}

TEST_CASE("no swap improves the division, and it is near the best of all", "[oracle][property]") {
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  double worst = 1;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 7);
    Coactivation pairs(8);
    for (int a = 0; a < 8; ++a) {
      for (int b = a + 1; b < 8; ++b) pairs.add(a, b, rng.below(100));
    }
    const std::vector<double> loads(8, 1.0);
    const auto nodes = nodes_of(place_by_coactivation(loads, pairs, layout, 1.0), layout);
    const std::int64_t split = split_pairs(pairs, nodes);
    for (std::size_t a = 0; a < 8; ++a) {
      for (std::size_t b = a + 1; b < 8; ++b) {
        auto swapped = nodes;
        std::swap(swapped[a], swapped[b]);
        CHECK(split_pairs(pairs, swapped) >= split);
      }
    }
    const std::int64_t best = fewest_split_pairs(pairs);
    CHECK(split >= best);
    worst = std::max(worst, static_cast<double>(split) / static_cast<double>(best));
  }
  CHECK(worst < 1.25);
}

TEST_CASE("a node carries no more than its share and the slack, where swaps can keep to it", "[property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    RouterSpec spec = test::router(RoutingKind::top_k, 64, 4);
    spec.skew = {SkewKind::zipf, 0.6};
    const RankLayout layout{.ranks = 16, .ranks_per_node = 4};
    const auto home = place_experts(PlacementKind::contiguous, 64, 16);
    const ChoiceStatistics seen = choice_statistics(spec, layout, home, 64, seed, {.steps = 0, .pairs = true});
    const ExpertPlacement placement =
        place_experts({.kind = PlacementKind::coactivation, .load_slack = 0.1}, layout, 64, seen);
    std::vector<double> nodes(4);
    const std::vector<double> ranks = rank_loads(placement, seen.loads);
    for (std::size_t rank = 0; rank < 16; ++rank) nodes[rank / 4] += ranks[rank];
    CHECK(max_over_mean(nodes) <= 1.1 + 1e-9);
  }
}

TEST_CASE("group-limited routing: its groups are found again, and tokens reach fewer nodes", "[property]") {
  RouterSpec spec = test::router(RoutingKind::group_limited, 64, 4);
  spec.groups = 4;
  spec.groups_kept = 1;
  const RankLayout layout{.ranks = 16, .ranks_per_node = 4};
  const auto home = place_experts(PlacementKind::strided, 64, 16);
  const ChoiceStatistics seen = choice_statistics(spec, layout, home, 256, 1, {.steps = 1, .pairs = true});
  const ExpertPlacement together =
      place_experts({.kind = PlacementKind::coactivation, .load_slack = 0.2}, layout, 64, seen);
  const auto nodes = nodes_of(together, layout);
  for (std::size_t e = 0; e < 64; ++e) CHECK(nodes[e] == nodes[e - e % 16]);
  const RoutedBatch before = route_batch(spec, layout, home, 256, 1);
  const RoutedBatch after = route_batch(spec, layout, home, together, ReplicaChoice::even, 256, 1);
  CHECK(before.expert_tokens == after.expert_tokens);
  CHECK(after.max_nodes_per_token == 1);
  CHECK(10 * test::remote_nodes(after) < 4 * test::remote_nodes(before));
}

}  // namespace
}  // namespace moesim
