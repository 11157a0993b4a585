// Which weights move when experts change their places.
#include "models/exchange/expert_moves.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

constexpr RankLayout kLayout{.ranks = 4, .ranks_per_node = 2};

TEST_CASE("moves by hand: from the own node first, by turns, nothing inside a rank", "[oracle]") {
  const ExpertPlacement before(4, 4, {0, 1, 2, 0, 3, 0, 1, 2});
  const ExpertPlacement after(4, 4, {1, 0, 3, 3, 2, 1, 0, 2});
  // Rank 0 keeps both, in other slots. Rank 1 gets expert 3, once, from rank 2, the only one that had it. Rank 2 gets 2
  // and 1 from its node's rank 3, though rank 1 and rank 0 had them, too. Rank 3 gets 0 from rank 2.
  const std::vector<ExpertMove> moves{
      {3, RankId{2}, RankId{1}}, {2, RankId{3}, RankId{2}}, {1, RankId{3}, RankId{2}}, {0, RankId{2}, RankId{3}}};
  CHECK(expert_moves(before, after, kLayout) == moves);
  CHECK(expert_moves(after, after, kLayout).empty());

  const ExchangePlan plan = plan_expert_moves(moves, Bytes{100}, kLayout, {});
  REQUIRE(plan.messages.size() == 3);
  CHECK(plan.messages[0].source == RankId{2});
  CHECK(plan.messages[0].destination == RankId{1});
  CHECK(plan.messages[2].source == RankId{3});
  CHECK(plan.messages[2].bytes == Bytes{200});
}

TEST_CASE("of several ranks that had an expert, those send that have sent least", "[oracle]") {
  // Expert 0 is on ranks 0 and 1, and ranks 2 and 3 of the other node each need it.
  const ExpertPlacement before(3, 4, {0, 0, 1, 2});
  const ExpertPlacement after(3, 4, {1, 2, 0, 0});
  const std::vector<ExpertMove> moves{
      {1, RankId{2}, RankId{0}}, {2, RankId{3}, RankId{1}}, {0, RankId{0}, RankId{2}}, {0, RankId{1}, RankId{3}}};
  CHECK(expert_moves(before, after, kLayout) == moves);
}

ExpertPlacement random_placement(Rng& rng, int experts, int slots, int ranks) {
  std::vector<std::int32_t> expert_of_slot;
  for (std::int32_t slot = 0; slot < slots; ++slot) {
    const auto random = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(experts)));
    expert_of_slot.push_back(slot < experts ? slot : random);
  }
  for (auto left = static_cast<std::uint32_t>(slots); left > 1; --left) {
    std::swap(expert_of_slot[left - 1], expert_of_slot[rng.below(left)]);
  }
  return {experts, ranks, std::move(expert_of_slot)};
}

TEST_CASE("after the moves every rank has what it needs, from one that had it, and no more came", "[property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 1);
    const RankLayout layout{.ranks = 8, .ranks_per_node = 4};
    const ExpertPlacement before = random_placement(rng, 24, 24 + 8 * static_cast<int>(rng.below(3)), 8);
    const ExpertPlacement after = random_placement(rng, 24, 24 + 8 * static_cast<int>(rng.below(3)), 8);
    const auto moves = expert_moves(before, after, layout);
    std::map<int, std::set<std::int32_t>> came;
    for (const ExpertMove& move : moves) {
      const auto had = before.experts_on(move.source);
      CHECK(std::count(had.begin(), had.end(), move.expert) > 0);
      CHECK(came[move.destination.value].insert(move.expert).second);
    }
    std::size_t needed = 0;
    for (int rank = 0; rank < 8; ++rank) {
      const auto had = before.experts_on(RankId{rank});
      const auto needs = after.experts_on(RankId{rank});
      std::set<std::int32_t> lacks(needs.begin(), needs.end());
      for (const std::int32_t expert : had) lacks.erase(expert);
      CHECK(came[rank] == lacks);
      needed += lacks.size();
    }
    const ExchangePlan plan = plan_expert_moves(moves, Bytes{7}, layout, {});
    Bytes bytes;
    for (const Message& message : plan.messages) bytes += message.bytes;
    CHECK(bytes == Bytes{static_cast<std::int64_t>(7 * needed)});
  }
}

}  // namespace
}  // namespace moesim
