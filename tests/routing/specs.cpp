// Names, placements and the refusal of routers that cannot work.
#include "models/routing/routing_policy.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("kinds and paths are known by their names", "[oracle]") {
  for (int i = 0; i < 9; ++i) {
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
  const auto capped = [&](RoutingKind kind, Capacity::Order order, Capacity::Overflow overflow) {
    RouterSpec spec = good;
    spec.kind = kind;
    spec.capacity = Capacity{.order = order, .overflow = overflow};
    return router_error(spec, layout, 1).value_or("");
  };
  using enum Capacity::Order;
  using enum Capacity::Overflow;
  CHECK(capped(RoutingKind::top_k, score, reroute).empty());
  CHECK_THAT(capped(RoutingKind::expert_choice, score, drop), ContainsSubstring("no overflow"));
  CHECK_THAT(capped(RoutingKind::top_2_random_second, position, reroute), ContainsSubstring("chance"));
  CHECK(capped(RoutingKind::top_2_random_second, score, drop).empty());
  CHECK_THAT(reason([](RouterSpec& s) {
               s.capacity = Capacity{.order = score};
               s.skew = {SkewKind::w0_balanced, 0};
             }),
             ContainsSubstring("no scores"));
  CHECK_THAT(reason([](RouterSpec& s) { s.capacity = Capacity{.scope = Capacity::Scope::sequence}; }),
             ContainsSubstring("without their length"));
  CHECK_THAT(reason([](RouterSpec& s) { s.mixture_of_depths = MixtureOfDepths{.share = 0}; }),
             ContainsSubstring("above 0"));
  CHECK_THAT(reason([](RouterSpec& s) { s.sub_tokens.parts = 0; }), ContainsSubstring("parts"));
  CHECK_THAT(reason([](RouterSpec& s) { s.kind = RoutingKind::device_limited, s.top_k = 3; }),
             ContainsSubstring("1 ranks have only 2 experts"));
  RouterSpec sent_on = good;
  sent_on.kind = RoutingKind::node_limited;
  sent_on.capacity = Capacity{.scope = Capacity::Scope::batch, .overflow = reroute};
  CHECK_FALSE(router_error(sent_on, layout, 1'000'000));
  CHECK_THAT(router_error(sent_on, layout, 1'000'000'000'000).value_or(""), ContainsSubstring("GiB"));
  RouterSpec uneven = good;
  uneven.num_experts = 12;
  CHECK_FALSE(router_error(uneven, layout, 1).has_value());  // Replicas may make it even.
}

TEST_CASE("what has a fast path", "[oracle]") {
  RouterSpec spec = test::router(RoutingKind::node_limited, 16, 2);
  CHECK_FALSE(draws_all_logits(spec));
  spec.capacity = Capacity{.order = Capacity::Order::score};
  CHECK(draws_all_logits(spec));  // Weights are a softmax over all experts;
  spec.normalize = true;
  CHECK_FALSE(draws_all_logits(spec));  // or over the kept ones.
  spec.capacity = Capacity{.overflow = Capacity::Overflow::reroute};
  CHECK(draws_all_logits(spec));
  spec.kind = RoutingKind::top_k;
  CHECK_FALSE(draws_all_logits(spec));
  spec.skew = {SkewKind::w1_hot_experts, 0};
  CHECK(draws_all_logits(spec));  // Which of two popularities a race goes on with, nobody has written down.
  spec.capacity.reset();
  CHECK_FALSE(draws_all_logits(spec));
  spec.bias.assign(16, 0.1);
  CHECK(draws_all_logits(spec));
}

}  // namespace
}  // namespace moesim
