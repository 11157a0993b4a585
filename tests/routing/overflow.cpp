// What a capacity accepts, on given choices: against every subset of them.
#include <bit>

#include "models/routing/capacity.hpp"
#include "models/routing/sequences.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

// Choices with random experts, weights and scores of all experts, a function of the seed.
struct Case {
  RouterSpec router;
  Choices choices;
};

Case random_case(std::uint64_t seed) {
  Rng rng(seed, 5);
  Case c;
  c.router = test::router(RoutingKind::top_k, 5, 2);
  c.router.capacity = Capacity{};
  Choices& choices = c.choices;
  choices.with_shares = choices.with_weights = choices.with_rest = true;
  choices.append(6, 2);
  for (std::size_t token = 0; token < 6; ++token) {
    std::vector<std::pair<float, std::int32_t>> scores;
    for (std::int32_t e = 0; e < 5; ++e) scores.emplace_back(static_cast<float>(rng.uniform() * (e < 2 ? 3 : 1)), e);
    for (const auto& [score, e] : scores) choices.rest.scores.push_back(score);
    std::sort(scores.rbegin(), scores.rend());
    const float sum = scores[0].first + scores[1].first;
    choices.rest.free.push_back(sum);
    for (std::size_t i = 0; i < 2; ++i) {
      choices.experts[2 * token + i] = scores[i].second;
      choices.weights[2 * token + i] = scores[i].first;
      choices.shares[2 * token + i] = scores[i].first / sum;
    }
  }
  return c;
}

std::vector<std::int64_t> loads_of(const Choices& choices) {
  std::vector<std::int64_t> loads(5);
  for (const std::int32_t e : choices.experts) {
    if (e >= 0) ++loads[static_cast<std::size_t>(e)];
  }
  return loads;
}

double kept_share(const Choices& choices) {
  double sum = 0;
  for (std::size_t i = 0; i < choices.experts.size(); ++i) {
    if (choices.experts[i] >= 0) sum += static_cast<double>(choices.shares[i]);
  }
  return sum;
}

TEST_CASE("by score, an expert keeps the set of choices with the largest weights there is", "[oracle]") {
  const auto seed = GENERATE(range(1u, 101u));
  const std::int64_t slots = GENERATE(1, 2, 3);
  CAPTURE(seed, slots);
  Case c = random_case(seed);
  c.router.capacity->order = Capacity::Order::score;
  const Choices before = c.choices;
  enforce_capacity(c.router, slots, c.choices);
  for (std::int32_t e = 0; e < 5; ++e) {
    // All 2^12 sets of choices: those that are the expert's and not too many.
    double best = 0;
    for (std::uint32_t set = 0; set < 1u << 12; ++set) {
      if (std::popcount(set) > slots) continue;
      double sum = 0;
      bool own = true;
      for (std::size_t i = 0; i < 12 && own; ++i) {
        if ((set >> i & 1) == 0) continue;
        own = before.experts[i] == e;
        sum += static_cast<double>(before.weights[i]);
      }
      if (own) best = std::max(best, sum);
    }
    double kept = 0;
    for (std::size_t i = 0; i < 12; ++i) kept += c.choices.experts[i] == e ? static_cast<double>(before.weights[i]) : 0;
    CHECK(kept == Approx(best).epsilon(1e-6));
  }
}

TEST_CASE("what is sent on finds room, is conserved, and never meets its token twice", "[property]") {
  const auto seed = GENERATE(range(1u, 101u));
  const std::int64_t slots = GENERATE(1, 2, 3);
  const auto order = GENERATE(Capacity::Order::position, Capacity::Order::score);
  const auto overflow = GENERATE(Capacity::Overflow::reroute, Capacity::Overflow::least_loaded);
  CAPTURE(seed, slots, static_cast<int>(order), static_cast<int>(overflow));
  Case c = random_case(seed);
  c.router.capacity->order = order;
  c.router.capacity->overflow = overflow;
  const Choices before = c.choices;
  Choices dropped = c.choices;
  enforce_capacity(c.router, slots, dropped);
  enforce_capacity(c.router, slots, c.choices, alternatives_from_scores(c.router, c.choices).get());

  std::int64_t moved = 0;
  std::int64_t lost = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    // What is accepted without sending on is accepted with it.
    if (dropped.experts[i] >= 0) CHECK(c.choices.experts[i] == dropped.experts[i]);
    if (dropped.experts[i] < 0 && c.choices.experts[i] >= 0) {
      ++moved;
      CHECK(c.choices.experts[i] != before.experts[i]);
      const std::size_t score = i / 2 * 5 + static_cast<std::size_t>(c.choices.experts[i]);
      CHECK(c.choices.shares[i] == Approx(before.rest.scores[score] / before.rest.free[i / 2]));
    }
    lost += c.choices.experts[i] < 0;
  }
  CHECK(moved == c.choices.rerouted);
  const auto loads = loads_of(c.choices);
  std::int64_t sum = lost;
  for (const std::int64_t load : loads) {
    CHECK(load <= slots);
    sum += load;
  }
  CHECK(sum == 12);
  CHECK(kept_share(c.choices) + c.choices.lost_share == Approx(6).epsilon(1e-5));
  for (std::size_t token = 0; token < 6; ++token) {
    const std::int32_t first = c.choices.experts[2 * token];
    const std::int32_t second = c.choices.experts[2 * token + 1];
    if (first >= 0) CHECK(first != second);
    // Whoever lost a choice had no expert left to go to.
    if (first >= 0 && second >= 0) continue;
    for (std::int32_t e = 0; e < 5; ++e) {
      const bool closed = loads[static_cast<std::size_t>(e)] == slots;
      CHECK((closed || e == first || e == second));
    }
  }
}

TEST_CASE("one choice a token and room for all: sent on, nothing is dropped and every expert is full", "[oracle]") {
  const auto overflow = GENERATE(Capacity::Overflow::reroute, Capacity::Overflow::least_loaded);
  const auto scope = GENERATE(Capacity::Scope::rank, Capacity::Scope::sequence, Capacity::Scope::batch);
  const auto path = GENERATE(RoutingPath::sampled, RoutingPath::logits);
  RouterSpec spec = test::router(RoutingKind::top_1, 16, 1);
  spec.skew = {SkewKind::zipf, 1.2};
  spec.sequence_length = 64;
  spec.capacity = Capacity{.factor = 1, .scope = scope};
  spec.capacity->overflow = overflow;
  const RoutedBatch batch = test::route(spec, {.ranks = 4, .ranks_per_node = 2}, 320, 3, path);
  CHECK(batch.dropped_copies == 0);
  CHECK(batch.rerouted_copies > 0);
  CHECK(batch.retained_gate_mass < 1);
  for (const std::int64_t load : batch.expert_tokens) CHECK(load == 4 * 320 / 16);
}

TEST_CASE("sequences cut a rank's tokens; a share of each is kept, at least one", "[oracle]") {
  RouterSpec spec = test::router(RoutingKind::top_k, 8, 2);
  CHECK(sequences(spec, 0).empty());
  REQUIRE(sequences(spec, 70).size() == 1);
  CHECK(sequences(spec, 70)[0].kept == 70);
  spec.sequence_length = 32;
  spec.mixture_of_depths = MixtureOfDepths{.share = 0.125};
  const std::vector<Sequence> cut = sequences(spec, 70);
  REQUIRE(cut.size() == 3);
  CHECK(cut[2].first == 64);
  CHECK(cut[2].tokens == 6);
  CHECK(cut[0].kept == 4);
  CHECK(cut[2].kept == 1);              // floor(0.75), but one.
  CHECK(slots_of_rank(spec, 70) == 2);  // floor(9 * 2 / 8)
  spec.capacity = Capacity{.factor = 1.5, .scope = Capacity::Scope::sequence};
  CHECK(slots_of_rank(spec, 70) == 3);  // Of each at least one: floor(floor(4 * 2 / 8) * 1.5) = 1.
  spec.sub_tokens.parts = 4;
  CHECK(slots_of_rank(spec, 70) == 6 + 6 + 1);  // floor(floor(16 * 2 / 8) * 1.5) twice, floor(8 / 8 * 1.5).
}

TEST_CASE("what goes through the layer and what skips it add up, part by part", "[property]") {
  const auto path = GENERATE(RoutingPath::sampled, RoutingPath::logits);
  const auto scope = GENERATE(Capacity::Scope::rank, Capacity::Scope::sequence, Capacity::Scope::batch);
  const bool capped = GENERATE(false, true);
  CAPTURE(name(path), static_cast<int>(scope), capped);
  RouterSpec spec = test::router(RoutingKind::top_k, 16, 2);
  spec.skew = {SkewKind::zipf, 1.0};
  spec.sequence_length = 100;
  spec.mixture_of_depths = MixtureOfDepths{.share = 0.25};
  spec.sub_tokens.parts = 3;
  if (capped) spec.capacity = Capacity{.factor = 0.5, .scope = scope};
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const auto home = place_experts(PlacementKind::contiguous, 16, 4);
  const std::vector<std::int64_t> tokens = {0, 1, 250, 1000};
  const RoutedBatch batch = route_batch(spec, layout, home, tokens, 5, path);
  // Kept: one of one; 25 + 25 + 12 of 250; 250 of 1000. Three parts each.
  CHECK(batch.source_tokens == std::vector<std::int64_t>{0, 3, 3 * 62, 3 * 250});
  CHECK(batch.source_skipped == std::vector<std::int64_t>{0, 0, 188, 750});
  CHECK(batch.tokens == 3 * 313);
  std::int64_t computed = 0;
  for (const std::int64_t load : batch.expert_tokens) computed += load;
  CHECK(computed + batch.dropped_copies == 2 * batch.tokens);
  CHECK((batch.dropped_copies > 0) == capped);
  for (int rank = 0; rank < 4; ++rank) {
    std::int64_t sent = 0;
    for (int to = 0; to < 4; ++to) sent += batch.expert_copies.at(rank, to);
    CHECK(sent <= 2 * batch.tokens_of(rank));
    if (!capped) CHECK(sent == 2 * batch.tokens_of(rank));
  }
}

}  // namespace
}  // namespace moesim
