#include "models/routing/capacity.hpp"

#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("the capacity is floor(T k / N) times the factor, at least one", "[oracle]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 8, 2);
  CHECK(capacity_slots(spec, 1000) == 250);
  spec.capacity = Capacity{.factor = 1.25};
  CHECK(capacity_slots(spec, 1003) == 312);  // floor(2006 / 8) = 250, times 1.25 = 312.5
  CHECK(capacity_slots(spec, 1) == 1);
  spec.capacity->factor = 1.15;
  CHECK(capacity_slots(spec, 400) == 115);  // Although 1.15 * 100 is below 115 in binary.
}

TEST_CASE("first choices are accepted before second ones, tokens in order", "[oracle]") {
  // Expert 0 takes two. Choices, best first: token 0: (1, 0), token 1: (0, 1), token 2: (0, 2), token 3: (0, 2). Tokens
  // 1 and 2 fill expert 0 in the first round, token 3's first choice overflows, and so does token 0's second.
  Choices choices;
  choices.with_shares = true;
  choices.append(4, 2);
  choices.experts = {1, 0, 0, 1, 0, 2, 0, 2};
  choices.shares = {0.7f, 0.3f, 0.6f, 0.4f, 0.8f, 0.2f, 0.5f, 0.5f};
  RouterSpec spec = test::router(RoutingKind::top_k, 3, 2);
  spec.capacity = Capacity{};
  enforce_capacity(spec, 2, choices);
  CHECK(choices.experts == std::vector<std::int32_t>{1, Choices::kDropped, 0, 1, 0, 2, Choices::kDropped, 2});
  CHECK(choices.lost_share == Approx(0.3 + 0.5));
}

TEST_CASE("a capacity loses what overflows and its gate mass", "[property]") {
  const auto path = GENERATE(RoutingPath::sampled, RoutingPath::logits);
  RouterSpec spec = test::router(RoutingKind::top_k, 16, 2);
  spec.skew = {SkewKind::zipf, 1.0};
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  double mass = 0;
  std::int64_t dropped = INT64_MAX;
  for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0}) {
    CAPTURE(factor, name(path));
    spec.capacity = Capacity{.factor = factor};
    const RoutedBatch batch = test::route(spec, layout, 600, 7, path);
    CHECK(batch.dropped_copies < dropped);
    CHECK(batch.retained_gate_mass > mass);
    dropped = batch.dropped_copies;
    mass = batch.retained_gate_mass;
    for (const std::int64_t load : batch.expert_tokens) CHECK(load <= 4 * static_cast<std::int64_t>(75 * factor));
  }
  CHECK(mass > 0.9);
}

TEST_CASE("a capacity that is never reached changes nothing", "[property]") {
  RouterSpec spec = test::router(RoutingKind::group_limited, 16, 2);
  spec.groups = 4;
  spec.groups_kept = 2;
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const RoutedBatch open = test::route(spec, layout, 600, 7);
  spec.capacity = Capacity{.factor = 100, .scope = Capacity::Scope::batch};
  const RoutedBatch wide = test::route(spec, layout, 600, 7);
  CHECK(wide.expert_tokens == open.expert_tokens);
  CHECK(wide.dropped_copies == 0);
  CHECK(wide.retained_gate_mass == Approx(open.retained_gate_mass).epsilon(1e-12));
}

}  // namespace
}  // namespace moesim
