#include "models/schedule/parallel_sizes.hpp"

#include <set>

#include "tests/catch.hpp"

namespace moesim {
namespace {

const ParallelSizes kSizes{.tp = 2, .cp = 2, .dp = 6, .pp = 3, .ep = 4, .etp = 2};

TEST_CASE("places of ranks count tensor first and pipeline last", "[oracle][schedule]") {
  // DeepSeek-V3's layout (arXiv:2412.19437, 3.2): 2,048 ranks, PP 16, EP 64 across 8 nodes of 8.
  const ParallelSizes deepseek{.dp = 128, .pp = 16, .ep = 64};
  CHECK(deepseek.ranks() == 2048);
  CHECK(deepseek.expert_replicas() == 2);
  CHECK(place_of(deepseek, RankId{64}).ep == 0);
  CHECK(place_of(deepseek, RankId{64}).replica == 1);
  CHECK(place_of(deepseek, RankId{128}).pp == 1);
  const std::vector<RankId> experts = group_of(deepseek, ParallelGroup::expert, RankId{200});
  CHECK(experts.front() == RankId{192});
  CHECK(experts.back() == RankId{255});
  CHECK(group_of(deepseek, ParallelGroup::expert_data, RankId{130}) == std::vector{RankId{130}, RankId{194}});
}

TEST_CASE("rank_at is the inverse of place_of", "[schedule]") {
  for (int rank = 0; rank < kSizes.ranks(); ++rank) {
    const RankPlace at = place_of(kSizes, RankId{rank});
    CHECK(rank_at(kSizes, at.pp, at.dp, at.cp, at.tp) == RankId{rank});
  }
}

TEST_CASE("groups of each kind cut the ranks into equal parts of mutual members", "[schedule]") {
  const std::vector<std::pair<ParallelGroup, int>> kinds{
      {ParallelGroup::tensor, 2},     {ParallelGroup::context, 2},
      {ParallelGroup::data, 6},       {ParallelGroup::data_and_context, 12},
      {ParallelGroup::pipeline, 3},   {ParallelGroup::expert, 4},
      {ParallelGroup::expert_data, 3}};
  for (const auto& [kind, size] : kinds) {
    CAPTURE(static_cast<int>(kind));
    for (int rank = 0; rank < kSizes.ranks(); ++rank) {
      const std::vector<RankId> group = group_of(kSizes, kind, RankId{rank});
      CHECK(static_cast<int>(group.size()) == size);
      CHECK(std::set<RankId>(group.begin(), group.end()).size() == group.size());
      CHECK(std::find(group.begin(), group.end(), RankId{rank}) != group.end());
      for (const RankId other : group) CHECK(group_of(kSizes, kind, other) == group);
    }
  }
}

TEST_CASE("what divides what is told", "[schedule]") {
  CHECK_FALSE(why_not(kSizes));
  CHECK_THAT(*why_not({.tp = 2, .dp = 3, .ep = 4}), ContainsSubstring("ep * etp = 4 does not divide the 6 ranks"));
  CHECK_THAT(*why_not({.tp = 0}), ContainsSubstring("tp is 0"));
}

}  // namespace
}  // namespace moesim
