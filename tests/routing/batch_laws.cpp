// Laws that every routed batch keeps, whatever the router.
#include "models/routing/capacity.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

struct Case {
  RouterSpec router;
  RankLayout layout;
  std::vector<RankId> placement;
  std::vector<std::int64_t> tokens;
  RoutingPath path;
};

// Some case of every kind, a function of the seed.
Case random_case(std::uint64_t seed) {
  Rng rng(seed, 1);
  const auto pick = [&](auto... values) {
    const std::array options{values...};
    return options[rng.below(static_cast<std::uint32_t>(options.size()))];
  };
  Case c;
  const auto kind = static_cast<RoutingKind>(rng.below(8));
  const int ranks = pick(1, 2, 4, 8, 16);
  c.layout = {.ranks = ranks, .ranks_per_node = pick(1, 2, 3, 8)};
  const int top_k = kind == RoutingKind::top_1 ? 1 : kind == RoutingKind::top_2_random_second ? 2 : pick(1, 2, 3, 4);
  c.router = test::router(kind, ranks * pick(4, 8), top_k);
  c.router.scoring = pick(Scoring::softmax_topk, Scoring::softmax, Scoring::sigmoid);
  c.router.groups = 4;
  c.router.groups_kept = c.router.num_experts == 4 ? 4 : 2;
  if (kind == RoutingKind::device_limited) c.router.groups_kept = std::min(2, ranks);
  c.router.group_score = pick(GroupScore::best, GroupScore::best_two);
  c.router.skew = pick(Skew{}, Skew{SkewKind::zipf, 1.0}, Skew{SkewKind::zipf, 6.0}, Skew{SkewKind::power_law, 1.2},
                       Skew{SkewKind::lognormal, 0.8}, Skew{SkewKind::hot_rank, 0.6});
  if (rng.below(2) == 0) {
    c.router.sequence_length = pick(100, 512);
    c.router.capacity =
        Capacity{.factor = pick(0.5, 1.0, 1.25),
                 .scope = pick(Capacity::Scope::rank, Capacity::Scope::batch, Capacity::Scope::sequence)};
    if (kind != RoutingKind::expert_choice)
      c.router.capacity->order = pick(Capacity::Order::position, Capacity::Order::score);
    if (kind != RoutingKind::expert_choice && kind != RoutingKind::top_2_random_second) {
      c.router.capacity->overflow =
          pick(Capacity::Overflow::drop, Capacity::Overflow::reroute, Capacity::Overflow::least_loaded);
    }
  }
  if (rng.below(4) == 0) {
    for (int e = 0; e < c.router.num_experts; ++e) c.router.bias.push_back(0.2 * rng.uniform());
  }
  c.placement = place_experts(pick(PlacementKind::contiguous, PlacementKind::strided), c.router.num_experts, ranks);
  for (int rank = 0; rank < ranks; ++rank) c.tokens.push_back(rng.below(1200));
  c.path = pick(RoutingPath::sampled, RoutingPath::sampled, RoutingPath::logits);
  return c;
}

RoutedBatch route(const Case& c, std::uint64_t seed) {
  return route_batch(c.router, c.layout, c.placement, c.tokens, seed, c.path);
}

std::int64_t sum(const std::vector<std::int64_t>& values) {
  std::int64_t result = 0;
  for (const auto v : values) result += v;
  return result;
}

bool is_token_choice(const Case& c) { return c.router.kind != RoutingKind::expert_choice; }

// How many copies each expert may compute at most.
std::int64_t accepted_copies(const Case& c) {
  if (c.router.capacity && c.router.capacity->scope == Capacity::Scope::batch) {
    return capacity_slots(c.router, sum(c.tokens));
  }
  std::int64_t slots = 0;
  for (const auto tokens : c.tokens) {
    const bool by_sequence = c.router.capacity && c.router.capacity->scope == Capacity::Scope::sequence;
    const std::int64_t length = by_sequence ? c.router.sequence_length : std::max<std::int64_t>(tokens, 1);
    for (std::int64_t left = tokens; left > 0; left -= length) {
      slots += std::min(std::min(left, length), capacity_slots(c.router, std::min(left, length)));
    }
  }
  return slots;
}

void check_copies(const Case& c, const RoutedBatch& batch) {
  std::vector<std::int64_t> rank_load(static_cast<std::size_t>(c.layout.ranks));
  for (std::size_t e = 0; e < c.placement.size(); ++e) rank_load[c.placement[e].index()] += batch.expert_tokens[e];
  for (int to = 0; to < c.layout.ranks; ++to) {
    std::int64_t arrived = 0;
    for (int from = 0; from < c.layout.ranks; ++from) arrived += batch.expert_copies.at(from, to);
    CHECK(arrived == rank_load[static_cast<std::size_t>(to)]);
  }
  for (int from = 0; from < c.layout.ranks; ++from) {
    const std::int64_t tokens = c.tokens[static_cast<std::size_t>(from)];
    std::vector<std::int64_t> ranks_of_node(static_cast<std::size_t>(c.layout.nodes()));
    for (int to = 0; to < c.layout.ranks; ++to) {
      const std::int64_t copies = batch.expert_copies.at(from, to);
      const std::int64_t deduplicated = batch.rank_copies.at(from, to);
      const int node = c.layout.node_of(RankId{to});
      CHECK(deduplicated <= std::min(copies, tokens));
      CHECK((deduplicated > 0) == (copies > 0));
      CHECK(deduplicated <= batch.node_copies.at(from, node));
      ranks_of_node[static_cast<std::size_t>(node)] += deduplicated;
    }
    for (int node = 0; node < c.layout.nodes(); ++node) {
      const std::int64_t deduplicated = batch.node_copies.at(from, node);
      CHECK(deduplicated <= std::min(ranks_of_node[static_cast<std::size_t>(node)], tokens));
    }
  }
}

TEST_CASE("copies are conserved, limits are kept, and the same seed gives the same batch", "[property]") {
  const auto seed = GENERATE(range(1u, 101u));
  const Case c = random_case(seed);
  CAPTURE(seed, name(c.router.kind), name(c.path), c.router.num_experts, c.router.top_k, c.layout.ranks);
  REQUIRE(router_error(c.router, c.layout, 1).value_or("") == "");
  const RoutedBatch batch = route(c, seed);

  CHECK(batch.tokens == sum(c.tokens));
  CHECK(batch.expert_copies.total() == sum(batch.expert_tokens));
  if (is_token_choice(c)) {
    CHECK(sum(batch.expert_tokens) + batch.dropped_copies == batch.tokens * c.router.top_k);
    CHECK(batch.retained_gate_mass <= 1 + 1e-9);
    CHECK(batch.max_nodes_per_token <= c.router.top_k);
  }
  CHECK(batch.retained_gate_mass >= -1e-9);
  CHECK(batch.max_nodes_per_token <= c.layout.nodes());
  if (c.router.kind == RoutingKind::node_limited || c.router.kind == RoutingKind::device_limited) {
    CHECK(batch.max_nodes_per_token <= c.router.groups_kept);
  }
  const std::int64_t most = accepted_copies(c);
  for (const std::int64_t load : batch.expert_tokens) {
    if (!is_token_choice(c)) CHECK(load == most);
    if (c.router.capacity) CHECK(load <= most);
  }
  check_copies(c, batch);

  const RoutedBatch again = route(c, seed);
  CHECK(again.expert_tokens == batch.expert_tokens);
  CHECK(again.retained_gate_mass == batch.retained_gate_mass);
  for (int from = 0; from < c.layout.ranks; ++from) {
    for (int to = 0; to < c.layout.ranks; ++to) {
      REQUIRE(again.rank_copies.at(from, to) == batch.rank_copies.at(from, to));
    }
  }
}

TEST_CASE("the free top-k gives up no gate mass and a node limit gives up some", "[property]") {
  const auto seed = GENERATE(range(1u, 11u));
  const auto path = GENERATE(RoutingPath::sampled, RoutingPath::logits);
  CAPTURE(seed, name(path));
  const RankLayout layout{.ranks = 16, .ranks_per_node = 2};
  RouterSpec spec = test::router(RoutingKind::top_k, 64, 6);
  spec.scoring = Scoring::sigmoid;
  const RoutedBatch free = test::route(spec, layout, 200, seed, path);
  CHECK(free.retained_gate_mass == 1);
  CHECK(free.max_nodes_per_token > 3);
  spec.kind = RoutingKind::node_limited;
  spec.groups_kept = 3;
  const RoutedBatch limited = test::route(spec, layout, 200, seed, path);
  CHECK(limited.retained_gate_mass < 1);
  CHECK(limited.retained_gate_mass > 0.5);
  CHECK(limited.max_nodes_per_token == 3);
  CHECK(test::remote_nodes(limited) < test::remote_nodes(free));
  spec.groups_kept = 8;  // As many as there are.
  CHECK(test::route(spec, layout, 200, seed, path).retained_gate_mass == 1);
}

TEST_CASE("what a rank's tokens choose does not depend on the other ranks' tokens", "[property]") {
  const RankLayout layout{.ranks = 4, .ranks_per_node = 2};
  const RouterSpec spec = test::router(RoutingKind::top_k, 16, 3);
  const auto placement = place_experts(PlacementKind::contiguous, 16, 4);
  const RoutedBatch alone = route_batch(spec, layout, placement, std::vector<std::int64_t>{0, 0, 700, 0}, 5);
  const RoutedBatch among = route_batch(spec, layout, placement, std::vector<std::int64_t>{9, 800, 700, 1}, 5);
  for (int to = 0; to < 4; ++to) CHECK(alone.expert_copies.at(2, to) == among.expert_copies.at(2, to));
}

TEST_CASE("balanced routing leaves no rank idle, however few the tokens", "[property]") {
  // With 8 tokens a rank, top-8 and EP16, a rank expects 64 copies with a standard deviation below 8.
  const auto seed = GENERATE(range(1u, 101u));
  const auto kind = GENERATE(RoutingKind::top_k, RoutingKind::node_limited, RoutingKind::expert_choice);
  CAPTURE(seed, name(kind));
  RouterSpec spec = test::router(kind, 256, 8);
  spec.groups_kept = 1;
  if (kind == RoutingKind::expert_choice) spec.capacity = Capacity{.factor = 1, .scope = Capacity::Scope::batch};
  const RoutedBatch batch = test::route(spec, {.ranks = 16, .ranks_per_node = 8}, 8, seed);
  for (int to = 0; to < 16; ++to) {
    std::int64_t load = 0;
    for (int from = 0; from < 16; ++from) load += batch.expert_copies.at(from, to);
    CHECK(load > 16);
    CHECK(load < 128);
  }
}

TEST_CASE("one expert on each of 2,048 ranks and four million tokens", "[property]") {
  RouterSpec spec = test::router(RoutingKind::top_1, 2048, 1);
  spec.capacity = Capacity{.factor = 1.25, .scope = Capacity::Scope::batch};
  const RoutedBatch batch = test::route(spec, {.ranks = 2048, .ranks_per_node = 8}, 2048, 1);
  CHECK(batch.tokens == 2048 * 2048);
  CHECK(batch.expert_copies.total() + batch.dropped_copies == batch.tokens);
  // A load of mean 2,048 and standard deviation 45 stays below 1.25 * 2,048, eleven deviations away.
  CHECK(batch.dropped_copies == 0);
}

}  // namespace
}  // namespace moesim
