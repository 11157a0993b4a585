#include "models/routing/closed_forms.hpp"

#include <bit>

#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("the moments of copies and destinations are those over all equally likely sets of experts", "[oracle]") {
  constexpr int kExperts = 12;
  const int destinations = GENERATE(1, 2, 3, 4, 6, 12);
  const int k = GENERATE(1, 2, 5, 12);
  CAPTURE(destinations, k);
  const int share = kExperts / destinations;
  double sets = 0;
  double copies = 0, copies_squared = 0, reached = 0, reached_squared = 0;
  for (std::uint32_t set = 0; set < 1u << kExperts; ++set) {
    if (std::popcount(set) != k) continue;
    int here = 0, places = 0;
    for (int place = 0; place < destinations; ++place) {
      const int count = std::popcount(set >> (place * share) & ((1u << share) - 1));
      if (place == 0) here = count;
      if (place > 0) places += count > 0 ? 1 : 0;
    }
    ++sets;
    copies += k - here;
    copies_squared += (k - here) * (k - here);
    reached += places;
    reached_squared += places * places;
  }
  const TokenMoments c = uniform_remote_copies(kExperts, destinations, k);
  CHECK(c.mean == Approx(copies / sets).margin(1e-12));
  CHECK(c.variance == Approx(copies_squared / sets - copies / sets * copies / sets).margin(1e-12));
  const TokenMoments d = uniform_remote_destinations(kExperts, destinations, k);
  CHECK(d.mean == Approx(reached / sets).margin(1e-12));
  CHECK(d.variance == Approx(reached_squared / sets - reached / sets * reached / sets).margin(1e-12));
}

TEST_CASE("published shapes of the closed forms", "[oracle]") {
  // DeepSeek-V3, 256 experts, top-8, uniform: 8 * (1 - 1/64) copies leave a rank of 64.
  CHECK(uniform_remote_copies(256, 64, 8).mean == Approx(7.875));
  // Of 2 ranks the other one is missed with chance C(128, 8) / C(256, 8), by factorials:
  CHECK(uniform_remote_destinations(256, 2, 8).mean == Approx(1 - 1'429'702'652'400.0 / 409'663'695'276'000.0));
  CHECK(chance_to_avoid(1 << 20, 1 << 19, 1000) < 1e-300);
}

TEST_CASE("uniform routing sends as many copies as the closed forms say", "[oracle]") {
  // T tokens choose independently, so that a sum over them has standard error sqrt(T * variance of one token).
  constexpr double kStandardErrors = 3;
  const int ranks = GENERATE(2, 8, 64, 256);
  const int k = GENERATE(1, 2, 6, 8);
  CAPTURE(ranks, k);
  const RankLayout layout{.ranks = ranks, .ranks_per_node = ranks == 2 ? 1 : 4};
  const std::int64_t tokens_per_rank = 32'768 / ranks;
  const RoutedBatch batch = test::route(test::router(RoutingKind::top_k, 256, k), layout, tokens_per_rank, 1);
  const auto check = [&](std::int64_t copies, TokenMoments one) {
    const auto tokens = static_cast<double>(batch.tokens);
    const double error = std::sqrt(tokens * std::max(0.0, one.variance));
    CHECK(static_cast<double>(copies) == Approx(tokens * one.mean).margin(kStandardErrors * error + 1e-6));
  };
  check(test::remote(batch.expert_copies), uniform_remote_copies(256, ranks, k));
  check(test::remote(batch.rank_copies), uniform_remote_destinations(256, ranks, k));
  check(test::remote_nodes(batch), uniform_remote_destinations(256, layout.nodes(), k));
}

}  // namespace
}  // namespace moesim
