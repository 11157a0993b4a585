#include "validate/families/expert_draws.hpp"

#include <algorithm>
#include <numeric>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

using Rows = std::vector<std::int64_t>;

std::int64_t sum(const Rows& rows) { return std::accumulate(rows.begin(), rows.end(), std::int64_t{0}); }

ExpertGroup random_group(Rng& rng) {
  const std::int64_t ep = std::int64_t{1} << rng.below(6);
  const std::int64_t experts = ep * (1 + rng.below(12));
  return {.tokens = 1 + rng.below(rng.below(2) == 0 ? 40 : 3000),
          .experts = experts,
          .top_k = 1 + rng.below(static_cast<std::uint32_t>(std::min<std::int64_t>(experts, 10))),
          .ep = ep};
}

// The rule of the header, token by token.
Rows naive_balanced(const ExpertGroup& group) {
  const std::int64_t stride = (group.experts + group.top_k - 1) / group.top_k;
  Rows rows(static_cast<std::size_t>(group.experts));
  for (std::int64_t i = 0; i < group.tokens; ++i) {
    const std::int64_t first = group.tokens < stride ? i * stride / group.tokens : i;
    for (std::int64_t j = 0; j < group.top_k; ++j) {
      ++rows[static_cast<std::size_t>((first + j * stride) % group.experts)];
    }
  }
  rows.resize(static_cast<std::size_t>(group.experts / group.ep));
  return rows;
}

// One row at a time, as the header says.
void naive_level(Rows& rows, std::int64_t amount, std::int64_t most) {
  for (; amount > 0; --amount) {
    const auto least = std::min_element(rows.begin(), rows.end());
    if (*least < most) ++*least;
  }
  for (; amount < 0; ++amount) {
    const auto fullest = std::max_element(rows.begin(), rows.end());
    if (*fullest > 0) --*fullest;
  }
}

Rows sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

TEST_CASE("balanced rows are those of the rule, token by token", "[oracle][draws]") {
  const auto seed = GENERATE(range(1u, 301u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const ExpertGroup group = random_group(rng);
  CAPTURE(group.tokens, group.experts, group.top_k, group.ep);
  CHECK(balanced_rows(group) == naive_balanced(group));
}

TEST_CASE("a balanced group of DeepSeek-V3 is even", "[oracle][draws]") {
  // 4096 tokens to 8 of 256 experts: 128 rows each. One token: every 32nd expert, so one of 32 on each of 8 ranks.
  CHECK(balanced_rows({.tokens = 4096, .experts = 256, .top_k = 8, .ep = 8}) == Rows(32, 128));
  Rows one(32);
  one.front() = 1;
  CHECK(balanced_rows({.tokens = 1, .experts = 256, .top_k = 8, .ep = 8}) == one);
}

TEST_CASE("levelling is dealing one by one", "[oracle][draws]") {
  const auto seed = GENERATE(range(1u, 301u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const std::int64_t most = 1 + rng.below(40);
  Rows rows(1 + rng.below(12));
  for (std::int64_t& r : rows) r = rng.below(static_cast<std::uint32_t>(most + 1));
  const std::int64_t amount = static_cast<std::int64_t>(rng.below(600)) - 300;
  CAPTURE(most, rows, amount);
  Rows naive = rows;
  naive_level(naive, amount, most);
  level_rows(rows, amount, most);
  CHECK(sorted(rows) == sorted(naive));  // Which of equal experts gets the odd row is not said.
}

TEST_CASE("power-law rows are within bounds, the fullest rank's, and the same every time", "[property][draws]") {
  // A rank has at least its share of all rows if it has the most: they sum to tokens * top_k, unless a rank is full
  // and what was dealt to it is lost, and a full one has experts / ep * tokens, which is no less.
  const auto seed = GENERATE(range(1u, 301u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const ExpertGroup group = random_group(rng);
  const double alpha = 0.5 * rng.below(5);  // 1 among them, where the law's integral is a logarithm.
  CAPTURE(group.tokens, group.experts, group.top_k, group.ep, alpha);
  const Rows rows = power_law_rows(group, alpha, seed);
  CHECK(static_cast<std::int64_t>(rows.size()) == group.experts / group.ep);
  CHECK(*std::min_element(rows.begin(), rows.end()) >= 0);
  CHECK(*std::max_element(rows.begin(), rows.end()) <= group.tokens);
  CHECK(sum(rows) * group.ep >= group.tokens * group.top_k);
  CHECK(sum(rows) <= group.tokens * group.top_k);
  CHECK(power_law_rows(group, alpha, seed) == rows);
}

TEST_CASE("all rows of a group of one rank are there", "[property][draws]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  ExpertGroup group = random_group(rng);
  group.ep = 1;
  CHECK(sum(power_law_rows(group, 1.2, seed)) == group.tokens * group.top_k);
  // Each token of the rule takes top_k experts.
  CHECK(sum(balanced_rows(group)) == group.tokens * group.top_k);
}

TEST_CASE("draws differ, and a steeper law is more skewed", "[draws]") {
  const ExpertGroup group{.tokens = 4096, .experts = 256, .top_k = 8, .ep = 1};
  CHECK(power_law_rows(group, 1.2, 0) != power_law_rows(group, 1.2, 1));
  const auto fullest = [&](double alpha) {
    std::int64_t total = 0;
    for (std::uint64_t draw = 0; draw < 20; ++draw) {
      const Rows rows = power_law_rows(group, alpha, draw);
      total += *std::max_element(rows.begin(), rows.end());
    }
    return total;
  };
  CHECK(fullest(0.6) < fullest(1.01));
  CHECK(fullest(1.01) < fullest(1.4));
}

TEST_CASE("a drawn load is the mean of five draws", "[oracle][draws]") {
  const ExpertGroup group{.tokens = 300, .experts = 64, .top_k = 6, .ep = 4};
  ExpertLoad mean;
  for (std::uint64_t draw = 0; draw < 5; ++draw) {
    const ExpertLoad one = expert_load(power_law_rows(group, 1.2, draw));
    mean.rows += one.rows / 5;
    mean.touched += one.touched / 5;
    for (std::size_t i = 0; i < mean.tiles.size(); ++i) mean.tiles[i] += one.tiles[i] / 5;
  }
  const ExpertLoad drawn = drawn_load(group, "power_law:1.2");
  CHECK(drawn.experts == 16);
  CHECK_THAT(drawn.rows, WithinRel(mean.rows, 1e-12));
  CHECK_THAT(drawn.touched, WithinRel(mean.touched, 1e-12));
  for (std::size_t i = 0; i < mean.tiles.size(); ++i) CHECK_THAT(drawn.tiles[i], WithinRel(mean.tiles[i], 1e-12));
  CHECK(drawn_load(group, "balanced").tiles == expert_load(balanced_rows(group)).tiles);
}

}  // namespace moesim
