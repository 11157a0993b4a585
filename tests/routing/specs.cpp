// Names, placements and the refusal of routers that cannot work.
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("kinds and paths are known by their names", "[oracle]") {
  for (int i = 0; i < 7; ++i) {
    const auto kind = static_cast<RoutingKind>(i);
    CHECK(routing_kind(name(kind)) == kind);
  }
  CHECK_FALSE(routing_kind("top_3"));
  for (int i = 0; i < 7; ++i) {
    const auto kind = static_cast<PlacementKind>(i);
    CHECK(placement_kind(name(kind)) == kind);
  }
  for (const auto choice : {ReplicaChoice::even, ReplicaChoice::nearest}) CHECK(replica_choice(name(choice)) == choice);
  CHECK_FALSE(placement_kind("random"));
  for (const auto path : {RoutingPath::sampled, RoutingPath::logits}) CHECK(routing_path(name(path)) == path);
  CHECK_FALSE(routing_path("fast"));
}

TEST_CASE("placements give every rank N / P experts", "[oracle]") {
  const auto ranks = [](PlacementKind kind) {
    std::vector<int> values;
    for (const RankId rank : place_experts(kind, 6, 3)) values.push_back(rank.value);
    return values;
  };
  CHECK(ranks(PlacementKind::contiguous) == std::vector<int>{0, 0, 1, 1, 2, 2});
  CHECK(ranks(PlacementKind::strided) == std::vector<int>{0, 1, 2, 0, 1, 2});
  // 6 on 4 ranks: as even as it gets, until replicas fill the rest; by themselves they are no placement.
  CHECK(place_experts(PlacementKind::contiguous, 6, 4) ==
        std::vector<RankId>{RankId{0}, RankId{0}, RankId{1}, RankId{2}, RankId{2}, RankId{3}});
  CHECK_THROWS_AS(placement_of(place_experts(PlacementKind::strided, 6, 4), 4), InternalError);
}

TEST_CASE("a router that cannot work is refused with its reason", "[oracle]") {
  const RankLayout layout{.ranks = 8, .ranks_per_node = 4};
  const RouterSpec good = test::router(RoutingKind::top_k, 16, 2);
  CHECK_FALSE(router_error(good, layout, 1));
  const auto reason = [&](auto change) {
    RouterSpec spec = good;
    change(spec);
    CHECK_THROWS_AS(test::route(spec, layout, 4, 1), InternalError);
    return router_error(spec, layout, 1).value_or("");
  };
  CHECK_THAT(reason([](RouterSpec& s) { s.top_k = 17; }), ContainsSubstring("only 16 experts"));
  CHECK_THAT(reason([](RouterSpec& s) { s.top_k = 0; }), ContainsSubstring("at least 1"));
  CHECK_THAT(reason([](RouterSpec& s) { s.kind = RoutingKind::top_1; }), ContainsSubstring("top_1"));
  CHECK_THAT(reason([](RouterSpec& s) { s.bias = {1.0}; }), ContainsSubstring("16 experts"));
  CHECK_THAT(reason([](RouterSpec& s) {
               s.capacity = Capacity{0, Capacity::Scope::rank};
             }),
             ContainsSubstring("above 0"));
  CHECK_THAT(reason([](RouterSpec& s) { s.skew = {SkewKind::zipf, -1}; }), ContainsSubstring("at least 0"));
  CHECK_THAT(reason([](RouterSpec& s) { s.skew = {SkewKind::hot_rank, 1}; }), ContainsSubstring("below 1"));
  CHECK_THAT(reason([](RouterSpec& s) { s.kind = RoutingKind::group_limited, s.groups = 5; }),
             ContainsSubstring("5 groups"));
  CHECK_THAT(reason([](RouterSpec& s) { s.kind = RoutingKind::node_limited, s.groups_kept = 0; }),
             ContainsSubstring("needs one"));
  CHECK_THAT(reason([](RouterSpec& s) { s.kind = RoutingKind::node_limited, s.top_k = 9; }),
             ContainsSubstring("1 nodes have only 8 experts"));
  RouterSpec greedy = good;
  greedy.kind = RoutingKind::expert_choice;
  greedy.capacity = Capacity{1, Capacity::Scope::batch};
  CHECK_FALSE(router_error(greedy, layout, 1'000'000));
  CHECK_THAT(router_error(greedy, layout, 1'000'000'000'000).value_or(""), ContainsSubstring("GiB"));
  RouterSpec uneven = good;
  uneven.num_experts = 12;
  CHECK_FALSE(router_error(uneven, layout, 1).has_value());  // Replicas may make it even.
}

}  // namespace
}  // namespace moesim
