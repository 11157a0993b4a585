// Placements by load: what each is by hand, how far from the best, and what they make of skewed loads.
#include "models/routing/placement/duplication.hpp"
#include "models/routing/placement/load_bound.hpp"
#include "models/routing/popularity.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

ExpertPlacement place(PlacementKind kind, const std::vector<double>& loads, RankLayout layout, int redundant = 0) {
  return place_experts({.kind = kind, .redundant_experts = redundant}, layout, static_cast<int>(loads.size()),
                       {.loads = loads});
}

double fullest(const ExpertPlacement& placement, const std::vector<double>& loads) {
  const std::vector<double> ranks = rank_loads(placement, loads);
  return *std::max_element(ranks.begin(), ranks.end());
}

TEST_CASE("zigzag and greedy by hand", "[oracle]") {
  const std::vector<double> loads{3, 10, 1, 8, 7, 2};
  const RankLayout layout{.ranks = 2, .ranks_per_node = 2};
  const auto experts = [](const ExpertPlacement& placement) {
    return std::vector<std::int32_t>(placement.expert_of_slot().begin(), placement.expert_of_slot().end());
  };
  // Falling: 1 3 | 4 0 | 5 2, there, back and there again.
  CHECK(experts(place(PlacementKind::zigzag, loads, layout)) == std::vector<std::int32_t>{1, 0, 5, 3, 4, 2});
  // 10 -> 0, 8 -> 1, 7 -> 1, 3 -> 0, 2 -> 0 (13 against 15), 1 -> 1, which has the last slot.
  CHECK(experts(place(PlacementKind::greedy, loads, layout)) == std::vector<std::int32_t>{1, 0, 5, 3, 4, 2});
  CHECK_THROWS_AS(place(PlacementKind::greedy, loads, {.ranks = 4, .ranks_per_node = 2}), InternalError);
  CHECK_THROWS_AS(place(PlacementKind::greedy, loads, layout, 2), InternalError);
}

TEST_CASE("duplicates of the busiest experts go where there is room, by hand", "[oracle]") {
  // Two ranks of two: 12 + 2 and 3 + 1, two more slots. Shares: 12 -> 6 + 6 -> 4 + 4 + 4. Rank 0 has 4 + 2, rank 1 has
  // 4; the first copy goes to rank 1 (8), the second has only ranks that have it, and rank 0 the last slot.
  const std::vector<double> loads{12, 2, 3, 1};
  const ExpertPlacement placement = place(PlacementKind::duplicates, loads, {.ranks = 2, .ranks_per_node = 2}, 2);
  CHECK(std::vector<std::int32_t>(placement.expert_of_slot().begin(), placement.expert_of_slot().end()) ==
        std::vector<std::int32_t>{0, 1, 0, 2, 3, 0});
  CHECK(rank_loads(placement, loads) == std::vector<double>{10, 8});
  // 1 us to move, 2 copies a token, 0.5 of the mean less, 10 ns a copy: 100 tokens save 100 x 2 x 0.5 x 10 ns.
  CHECK(duplication_break_even_tokens({.move = Picoseconds{1'000'000},
                                       .copy = Picoseconds{10'000},
                                       .top_k = 2,
                                       .max_over_mean_before = 1.5,
                                       .max_over_mean_after = 1.0}) == Approx(100));
  CHECK_THROWS_AS(duplication_break_even_tokens({.move = Picoseconds{1}, .copy = Picoseconds{1}}), InternalError);
}

// The fullest rank of the best placement, by trying all: every division of the slots among the experts, every way to
// put the replicas on the ranks.
class BestPlacement {
 public:
  BestPlacement(std::vector<double> loads, int slots, int ranks)
      : loads_(std::move(loads)), ranks_(ranks), per_rank_(slots / ranks), count_(loads_.size(), 1.0) {
    divide(0, slots - static_cast<int>(loads_.size()));
  }
  double load() const { return best_; }

 private:
  void divide(std::size_t expert, int left) {
    if (expert + 1 == loads_.size()) {
      count_[expert] = 1 + left;
      shares_.clear();
      for (std::size_t e = 0; e < loads_.size(); ++e) {
        shares_.insert(shares_.end(), static_cast<std::size_t>(count_[e]), loads_[e] / count_[e]);
      }
      sums_.assign(static_cast<std::size_t>(ranks_), 0);
      used_.assign(static_cast<std::size_t>(ranks_), 0);
      put(0);
      return;
    }
    for (int more = 0; more <= left; ++more) {
      count_[expert] = 1 + more;
      divide(expert + 1, left - more);
    }
  }
  void put(std::size_t replica) {
    if (replica == shares_.size()) {
      best_ = std::min(best_, *std::max_element(sums_.begin(), sums_.end()));
      return;
    }
    for (std::size_t rank = 0; rank < sums_.size(); ++rank) {
      if (used_[rank] == per_rank_) continue;
      const double before = sums_[rank];
      sums_[rank] += shares_[replica];
      ++used_[rank];
      put(replica + 1);
      --used_[rank];
      sums_[rank] = before;
      if (used_[rank] == 0) break;  // Empty ranks are alike.
    }
  }

  std::vector<double> loads_;
  int ranks_;
  int per_rank_;
  std::vector<double> count_;
  std::vector<double> shares_, sums_;
  std::vector<int> used_;
  double best_ = 1e18;
};

TEST_CASE("no placement is below the bound, and none of ours is below the best of all", "[oracle][property]") {
  int tight = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 5);
    std::vector<double> loads;
    for (int e = 0; e < 6; ++e) loads.push_back(std::floor(100 * rng.exponential()) + 1);
    const RankLayout layout{.ranks = 3, .ranks_per_node = 3};
    const double best = BestPlacement(loads, 6, 3).load();
    CHECK(least_rank_load(loads, 6, 3) <= best * (1 + 1e-12));
    for (const auto kind : {PlacementKind::contiguous, PlacementKind::strided, PlacementKind::zigzag,
                            PlacementKind::greedy, PlacementKind::eplb}) {
      CHECK(fullest(place(kind, loads, layout), loads) >= best * (1 - 1e-12));
    }
    const double best_with_three = BestPlacement(loads, 9, 3).load();
    const double bound = least_rank_load(loads, 9, 3);
    CHECK(bound <= best_with_three * (1 + 1e-12));
    CHECK(best_with_three <= best * (1 + 1e-12));
    tight += bound > 0.95 * best_with_three;
    for (const auto kind : {PlacementKind::eplb, PlacementKind::duplicates}) {
      CHECK(fullest(place(kind, loads, layout, 3), loads) >= best_with_three * (1 - 1e-12));
    }
  }
  CHECK(tight > 50);  // The bound says something.
}

TEST_CASE("the bound by hand", "[oracle]") {
  // One expert outweighs the mean: 8 and the lightest beside it.
  CHECK(least_rank_load(std::vector<double>{8, 2, 1, 1}, 4, 2) == 9);
  // With two replicas of it all is even: 4 + 2 and 4 + 1 + 1, but in slots of three; the bound is the mean.
  CHECK(least_rank_load(std::vector<double>{8, 2, 1, 1}, 6, 2) == 6);
  CHECK(least_max_over_mean(std::vector<double>{8, 2, 1, 1}, 4, 2) == Approx(9 / 6.0));
  CHECK(least_max_over_mean(std::vector<double>{0, 0}, 2, 2) == 1);
}

TEST_CASE("on Zipf loads EPLB is within 10 % of the bound, far below contiguous placement", "[property]") {
  // DeepSeek-V3's deployment unit of prefill: 256 experts, 32 of them twice, on 32 ranks (arXiv:2412.19437, 3.4.1).
  const RankLayout layout{.ranks = 32, .ranks_per_node = 8};
  for (const double exponent : {0.4, 0.7, 1.0}) {
    for (std::uint64_t seed = 1; seed <= 34; ++seed) {
      CAPTURE(exponent, seed);
      RouterSpec spec = test::router(RoutingKind::top_k, 256, 8);
      spec.skew = {SkewKind::zipf, exponent};
      const auto home = place_experts(PlacementKind::contiguous, 256, 32);
      const std::vector<double> loads = expert_popularity(spec, home, 4096, seed);
      const double contiguous = max_over_mean(rank_loads(placement_of(home, 32), loads));
      const double balanced = max_over_mean(rank_loads(place(PlacementKind::eplb, loads, layout, 32), loads));
      const double bound = least_max_over_mean(loads, 288, 32);
      CHECK(balanced >= bound * (1 - 1e-12));
      CHECK(balanced < 1.1 * bound);
      CHECK(balanced < 0.8 * contiguous);
    }
  }
}

}  // namespace
}  // namespace moesim
