// Copies among the replicas of an expert.
#include "models/routing/placement/replica_turns.hpp"
#include "models/routing/popularity.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("replicas take turns; the nearest rule looks at the rank, then at the node", "[oracle]") {
  // Two nodes of two ranks, two slots each: expert 0 on ranks 0, 1 and 2, expert 1 on 2 and 3, the others once.
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const ExpertPlacement placement(5, 4, {0, 2, 0, 3, 0, 1, 4, 1});
  const auto take = [&](ReplicaChoice choice, int source, int expert) {
    ReplicaTurns turns(layout, placement, choice);
    turns.start(RankId{source});
    std::vector<std::int32_t> slots;
    for (int i = 0; i < 4; ++i) slots.push_back(turns.next(expert));
    return slots;
  };
  using Slots = std::vector<std::int32_t>;
  CHECK(take(ReplicaChoice::even, 0, 0) == Slots{0, 2, 4, 0});
  CHECK(take(ReplicaChoice::even, 1, 0) == Slots{2, 4, 0, 2});
  CHECK(take(ReplicaChoice::nearest, 1, 0) == Slots{2, 2, 2, 2});
  CHECK(take(ReplicaChoice::nearest, 3, 0) == Slots{4, 4, 4, 4});
  CHECK(take(ReplicaChoice::nearest, 0, 1) == Slots{5, 7, 5, 7});
  CHECK(take(ReplicaChoice::nearest, 3, 1) == Slots{7, 7, 7, 7});
  CHECK(take(ReplicaChoice::nearest, 0, 4) == Slots{6, 6, 6, 6});
}

TEST_CASE("redundant experts change no choice: copies are conserved and shared evenly", "[property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 8);
    RouterSpec spec = test::router(static_cast<RoutingKind>(1 + 3 * rng.below(2)), 32, 4);  // top_k, group_limited
    spec.groups = 4;
    spec.groups_kept = 2;
    spec.skew = {SkewKind::zipf, 1.0};
    if (rng.below(2) == 0)
      spec.capacity = Capacity{1.5, rng.below(2) == 0 ? Capacity::Scope::rank : Capacity::Scope::batch};
    const RankLayout layout{.ranks = 8, .ranks_per_node = 4};
    const auto home = place_experts(PlacementKind::contiguous, 32, 8);
    const ChoiceStatistics seen = choice_statistics(spec, layout, home, 700, seed, {});
    const ExpertPlacement placement =
        place_experts({.kind = PlacementKind::eplb, .redundant_experts = 16, .groups = spec.groups}, layout, 32, seen);
    const auto replicas = rng.below(2) == 0 ? ReplicaChoice::even : ReplicaChoice::nearest;
    const RoutedBatch before = route_batch(spec, layout, home, 700, seed);
    const RoutedBatch after = route_batch(spec, layout, home, placement, replicas, 700, seed);
    CHECK(after.expert_tokens == before.expert_tokens);
    CHECK(after.dropped_copies == before.dropped_copies);
    CHECK(after.retained_gate_mass == before.retained_gate_mass);
    REQUIRE(after.slot_tokens.size() == 48);
    CHECK(after.expert_copies.total() == before.expert_copies.total());
    for (int source = 0; source < 8; ++source) {
      std::int64_t a = 0;
      std::int64_t b = 0;
      for (int rank = 0; rank < 8; ++rank) {
        a += after.expert_copies.at(source, rank);
        b += before.expert_copies.at(source, rank);
        CHECK(after.rank_copies.at(source, rank) <= after.expert_copies.at(source, rank));
      }
      CHECK(a == b);
    }
    for (int rank = 0; rank < 8; ++rank) {
      std::int64_t arrived = 0;
      for (int source = 0; source < 8; ++source) arrived += after.expert_copies.at(source, rank);
      for (int slot = 6 * rank; slot < 6 * rank + 6; ++slot)
        arrived -= after.slot_tokens[static_cast<std::size_t>(slot)];
      CHECK(arrived == 0);
    }
    if (replicas == ReplicaChoice::nearest) continue;
    for (int expert = 0; expert < 32; ++expert) {
      const auto slots = placement.slots_of(expert);
      // Each of the 8 sources splits its copies to within one.
      for (const std::int32_t slot : slots) {
        const double mean = static_cast<double>(after.expert_tokens[static_cast<std::size_t>(expert)]) /
                            static_cast<double>(slots.size());
        CHECK(std::abs(static_cast<double>(after.slot_tokens[static_cast<std::size_t>(slot)]) - mean) <= 8);
      }
    }
  }
}

TEST_CASE("the nearest replica sends less between nodes than an even split", "[property]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 64, 4);
  spec.skew = {SkewKind::zipf, 1.0};
  const RankLayout layout{.ranks = 16, .ranks_per_node = 4};
  const auto home = place_experts(PlacementKind::contiguous, 64, 16);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const ChoiceStatistics seen = choice_statistics(spec, layout, home, 300, seed, {});
    const ExpertPlacement placement =
        place_experts({.kind = PlacementKind::eplb, .redundant_experts = 32}, layout, 64, seen);
    const auto sent = [&](ReplicaChoice choice) {
      return test::remote_nodes(route_batch(spec, layout, home, placement, choice, 300, seed));
    };
    CHECK(sent(ReplicaChoice::nearest) < sent(ReplicaChoice::even));
  }
}

TEST_CASE("earlier steps have the popularity of this one, and other tokens", "[property]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 64, 1);
  spec.skew = {SkewKind::zipf, 1.0};
  const RankLayout layout{.ranks = 4, .ranks_per_node = 4};
  const auto home = place_experts(PlacementKind::contiguous, 64, 4);
  const std::int64_t tokens = 20'000;
  const RoutedBatch now = route_batch(spec, layout, home, tokens, 7);
  const ChoiceStatistics same = choice_statistics(spec, layout, home, tokens, 7, {.steps = 0});
  CHECK(std::equal(same.loads.begin(), same.loads.end(), now.expert_tokens.begin(),
                   [](double a, std::int64_t b) { return a == static_cast<double>(b); }));
  const ChoiceStatistics before = choice_statistics(spec, layout, home, tokens, 7, {.steps = 3});
  const std::vector<double> p = expert_popularity(spec, home, 4 * tokens, 7);
  double chi_squared = 0;
  bool different = false;
  for (std::size_t e = 0; e < 64; ++e) {
    const double expected = 3 * 4 * tokens * p[e];
    chi_squared += (before.loads[e] - expected) * (before.loads[e] - expected) / expected;
    different |= before.loads[e] != 3 * same.loads[e];
  }
  CHECK(different);
  CHECK(chi_squared < 63 + 5 * std::sqrt(2 * 63.0));
}

}  // namespace
}  // namespace moesim
