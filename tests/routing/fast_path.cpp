// The loads of the fast path cannot be told from those of the exact logits: chi-squared over 100 seeds.
#include <numeric>

#include "models/routing/batch_router.hpp"
#include "models/routing/load_sequence.hpp"
#include "tests/catch.hpp"
#include "tests/routing/chi_squared.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

constexpr int kSeeds = 100;
constexpr int kExperts = 16;
constexpr RankLayout kLayout{.ranks = 4, .ranks_per_node = 2};
constexpr std::int64_t kTokensPerRank = 128;
constexpr std::int64_t kSequence = 32;
constexpr RankLayout kEightNodes{.ranks = 8, .ranks_per_node = 1};
// The chance that one comparison fails although both paths are right; there are sixteen.
constexpr double kFalseAlarm = 1e-6;

// What the batches load the experts with, and drop. Without a capacity a row is independent of all others, and a
// unit of the sample; with one, the rows of a scope are.
test::CountSample sample(const RouterSpec& spec, RoutingPath path, const RankLayout& layout = kLayout,
                         std::int64_t tokens_per_rank = kTokensPerRank) {
  const auto experts = static_cast<std::size_t>(spec.num_experts);
  const std::uint64_t first_seed = path == RoutingPath::sampled ? 1 : 1001;  // Independent of one another.
  const auto home = place_experts(PlacementKind::contiguous, spec.num_experts, layout.ranks);
  test::CountSample sample(experts + 1);
  for (std::uint64_t seed = first_seed; seed < first_seed + kSeeds; ++seed) {
    LayerLoad load = LoadSequence(spec, layout, home, tokens_per_rank, 1, 1).load(0);  // One popularity for all seeds.
    load.seed = seed;
    BatchRouter(spec, expert_groups(spec, layout, home), load, path).route([&](auto sources, const Choices& choices) {
      std::size_t rows = 0;
      for (const auto& source : sources) rows += static_cast<std::size_t>(source.rows);
      if (rows == 0) return;
      const std::size_t a_unit = (spec.capacity ? rows : 1) * static_cast<std::size_t>(choices.slots);
      for (std::size_t first = 0; first < choices.experts.size(); first += a_unit) {
        test::Outcome counts(experts + 1);
        for (const std::int32_t expert : std::span(choices.experts).subspan(first, a_unit)) {
          if (expert >= 0) ++counts[static_cast<std::size_t>(expert)];
          if (expert == Choices::kDropped) ++counts[experts];
        }
        sample.add(counts);
      }
    });
  }
  return sample;
}

RouterSpec spec_of(RoutingKind kind, int top_k, Scoring scoring) {
  RouterSpec spec = test::router(kind, kExperts, top_k);
  spec.scoring = scoring;
  spec.skew = {SkewKind::zipf, 0.8};
  spec.groups = 8;
  spec.groups_kept = 3;
  spec.sequence_length = kSequence;
  if (kind == RoutingKind::node_limited) spec.groups_kept = 1;
  if (kind == RoutingKind::device_limited) spec.groups_kept = 2;
  return spec;
}

RouterSpec even(RouterSpec spec) {
  spec.skew = {};
  return spec;
}

RouterSpec best(RouterSpec spec) {
  spec.group_score = GroupScore::best;
  return spec;
}

RouterSpec capped(RouterSpec spec, Capacity::Scope scope, Capacity::Order order, Capacity::Overflow overflow) {
  spec.capacity = Capacity{.factor = 1.25, .scope = scope, .order = order, .overflow = overflow};
  return spec;
}

RouterSpec with_depths_and_parts(RouterSpec spec) {
  spec.mixture_of_depths = MixtureOfDepths{.share = 0.5};
  spec.sub_tokens.parts = 2;
  return spec;
}

TEST_CASE("the fast path's loads over 100 seeds are indistinguishable from the exact logits'", "[diff]") {
  using enum RoutingKind;
  using Scope = Capacity::Scope;
  using Order = Capacity::Order;
  using Overflow = Capacity::Overflow;
  const RouterSpec k4 = spec_of(top_k, 4, Scoring::sigmoid);
  const RouterSpec spec = GENERATE_COPY(
      spec_of(top_1, 1, Scoring::softmax), spec_of(top_k, 4, Scoring::softmax), k4,
      spec_of(top_2_random_second, 2, Scoring::softmax), spec_of(group_limited, 4, Scoring::sigmoid),
      best(spec_of(group_limited, 4, Scoring::softmax)), even(spec_of(group_limited, 4, Scoring::softmax)),
      spec_of(node_limited, 4, Scoring::sigmoid), best(spec_of(device_limited, 4, Scoring::softmax)),
      with_depths_and_parts(k4), capped(k4, Scope::sequence, Order::position, Overflow::drop),
      capped(k4, Scope::sequence, Order::score, Overflow::drop),
      capped(k4, Scope::sequence, Order::position, Overflow::reroute),
      capped(k4, Scope::sequence, Order::score, Overflow::least_loaded),
      capped(spec_of(node_limited, 4, Scoring::sigmoid), Scope::sequence, Order::score, Overflow::drop));
  CAPTURE(name(spec.kind), static_cast<int>(spec.scoring), spec.capacity.has_value());
  REQUIRE_FALSE(draws_all_logits(spec));  // It has a fast path.
  const test::CountSample fast = sample(spec, RoutingPath::sampled);
  const test::CountSample exact = sample(spec, RoutingPath::logits);
  CHECK(fast.units() == exact.units());
  const double tail = test::same_means_tail(fast, exact);
  CAPTURE(tail);
  CHECK(tail > kFalseAlarm);
}

TEST_CASE("256 experts, top-8, at most four of eight nodes: the fast path's loads over 100 seeds", "[diff]") {
  // 6,400 tokens a path load an expert 200 times; that the covariance is estimated from them widens the statistic by
  // its 255 degrees of freedom over the 12,800 tokens, 2 %, a quarter of its standard deviation.
  RouterSpec spec = test::router(RoutingKind::node_limited, 256, 8);
  spec.scoring = Scoring::sigmoid;
  spec.normalize = true;
  spec.groups_kept = 4;
  const double tail = test::same_means_tail(sample(spec, RoutingPath::sampled, kEightNodes, 8),
                                            sample(spec, RoutingPath::logits, kEightNodes, 8));
  CAPTURE(tail);
  CHECK(tail > kFalseAlarm);
}

TEST_CASE("the test of the fast path sees a popularity that is a little off, and another score of groups", "[oracle]") {
  RouterSpec spec = spec_of(RoutingKind::group_limited, 4, Scoring::sigmoid);
  const test::CountSample exact = sample(spec, RoutingPath::logits);
  CHECK(test::same_means_tail(sample(best(spec), RoutingPath::sampled), exact) < kFalseAlarm);
  spec.skew.parameter = 0.84;
  CHECK(test::same_means_tail(sample(spec, RoutingPath::sampled), exact) < kFalseAlarm);
}

}  // namespace
}  // namespace moesim
