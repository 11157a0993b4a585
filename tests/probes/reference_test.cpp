#include "validate/probes/host/reference.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "sim/check.hpp"
#include "tests/catch.hpp"
#include "validate/probes/host/random_input.hpp"

using namespace moesim;
using namespace moesim::probe;

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("the error is the norm of the difference over the norm of the reference", "[probe]") {
  CHECK(relative_error(std::vector<double>{3, 4}, std::vector<double>{3, 4}) == 0);
  CHECK(relative_error(std::vector<double>{3, 4.5}, std::vector<double>{3, 4}) == Approx(0.5 / 5));
  CHECK(relative_error(std::vector<double>{0, 0}, std::vector<double>{0, 0}) == 0);
  CHECK(std::isinf(relative_error(std::vector<double>{1e-9}, std::vector<double>{0})));
  CHECK_THROWS_AS(relative_error(std::vector<double>{}, std::vector<double>{}), InternalError);
}

TEST_CASE("what is no number never passes", "[probe]") {
  CHECK_FALSE(ProbeCheck{relative_error(std::vector<double>{kNan, 1}, std::vector<double>{1, 1}), 1}.passed());
  CHECK_FALSE(ProbeCheck{relative_error(std::vector<double>{kNan}, std::vector<double>{0}), 1}.passed());
  CHECK_FALSE(ProbeCheck{relative_error(std::vector<double>{1}, std::vector<double>{kNan}), 1}.passed());
  CHECK_FALSE(ProbeCheck{kNan, std::numeric_limits<double>::infinity()}.passed());
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK_FALSE(ProbeCheck{relative_error(std::vector<double>{infinite}, std::vector<double>{1}), 1}.passed());
}

TEST_CASE("the worst of several checks is the one nearest to failing", "[probe]") {
  CHECK(worst(std::vector<ProbeCheck>{{0, 0}, {1e-3, 1e-2}, {1e-4, 1e-4}}).tolerance == 1e-4);
  CHECK_FALSE(worst(std::vector<ProbeCheck>{{3, 0}, {1e-3, 1e-2}}).passed());
  CHECK_FALSE(worst(std::vector<ProbeCheck>{{0, 0}, {2e-2, 1e-2}}).passed());
  CHECK_FALSE(worst(std::vector<ProbeCheck>{{1e-3, 1e-2}, {3, 0}}).passed());
  CHECK_FALSE(worst(std::vector<ProbeCheck>{{0, 0}, {kNan, 1}, {1, 2}}).passed());
  CHECK_FALSE(worst(std::vector<ProbeCheck>{{kNan, 1}, {5, 1}}).passed());
  CHECK(worst(std::vector<ProbeCheck>{{0, 0}, {0, 1}}).passed());
}

TEST_CASE("a sampled product by hand", "[probe]") {
  // x = [[1, 2], [3, 4], [5, 6]], w = [[1, 1], [2, -1]]: rows 0 and 2 of x w^T.
  const double x[3][2] = {{1, 2}, {3, 4}, {5, 6}};
  const double w[2][2] = {{1, 1}, {2, -1}};
  const auto product = product_sample(
      std::vector<std::int64_t>{0, 2}, std::vector<std::int64_t>{0, 1}, 2,
      [&](std::int64_t row, std::int64_t i) { return x[row][i]; },
      [&](std::int64_t column, std::int64_t i) { return w[column][i]; });
  CHECK(product == std::vector<double>{3, 0, 11, 4});
}

TEST_CASE("sampled indices hold the ends and never repeat", "[probe]") {
  CHECK(sample_indices(3, 10, 1) == std::vector<std::int64_t>{0, 1, 2});
  CHECK(sample_indices(1, 2, 1) == std::vector<std::int64_t>{0});
  const auto indices = sample_indices(524'288, 64, 7);
  CHECK(indices.front() == 0);
  CHECK(indices.back() == 524'287);
  CHECK(std::set<std::int64_t>(indices.begin(), indices.end()).size() == indices.size());
  CHECK(indices.size() > 60);
  CHECK(indices != sample_indices(524'288, 64, 8));
}

TEST_CASE("softmax choice by hand, the lower index first among equals", "[probe]") {
  const float log2 = std::log(2.0F);
  // Weights 1, 2, 4, 2 over 9.
  const Choice choice = choose_softmax(std::vector<float>{0, log2, 2 * log2, log2}, 2);
  CHECK(choice.experts == std::vector<int>{2, 1});
  CHECK(choice.weights[0] == Approx(4.0 / 9));
  CHECK(choice.weights[1] == Approx(2.0 / 9));
  CHECK(choice.margin == 0);  // Expert 3 is as good as expert 1.
}

TEST_CASE("group-limited choice by hand", "[probe]") {
  // Eight experts in four groups of two, two groups kept, two experts chosen. Logits 0: every score is 1/2, so the bias
  // alone steers. Groups score 1 + {0.5, 0.9, 0.8, 0.1}: groups 1 and 2 stay. The best single expert, 0 with bias 0.5,
  // is in group 0 and must not be chosen.
  const std::vector<float> bias{0.5F, 0.0F, 0.4F, 0.5F, 0.4F, 0.4F, 0.05F, 0.05F};
  const Choice choice = choose_group_limited(std::vector<float>(8, 0.0F), bias, 2, 4, 2, 2.5);
  CHECK(choice.experts == std::vector<int>{3, 2});
  // The weights are the scores without bias, normalised, times 2.5.
  CHECK(choice.weights[0] == Approx(1.25));
  CHECK(choice.weights[1] == Approx(1.25));
  CHECK(choice.margin == Approx(0).margin(1e-6));  // Experts 2, 4 and 5 have the same bias.
}

TEST_CASE("a group scores by its two best, and the weights follow the scores", "[probe]") {
  // Two groups of three, one kept, two chosen. Group 0 has the best expert, group 1 the best pair.
  const double log3 = std::log(3.0);
  const std::vector<float> logits{static_cast<float>(2 * log3),
                                  static_cast<float>(-log3),
                                  static_cast<float>(-log3),
                                  static_cast<float>(log3),
                                  0.0F,
                                  static_cast<float>(-9)};
  // Scores: 0.9, 0.25, 0.25 | 0.75, 0.5, 0. Pairs: 1.15 and 1.25.
  const Choice choice = choose_group_limited(logits, std::vector<float>(6, 0.0F), 2, 2, 1, 1);
  CHECK(choice.experts == std::vector<int>{3, 4});
  CHECK(choice.weights[0] == Approx(0.6));
  CHECK(choice.weights[1] == Approx(0.4));
  CHECK(choice.margin == Approx(0.1));  // Between the groups: 1.25 - 1.15.
}

TEST_CASE("SwiGLU and scales of blocks by hand", "[probe]") {
  CHECK(swiglu_reference(0, 5) == 0);
  CHECK(swiglu_reference(std::log(3.0), 2) == Approx(std::log(3.0) * 0.75 * 2));
  CHECK(block_scale(std::vector<double>{1, -896, 3}) == 2);
  CHECK(block_scale(std::vector<double>{0, 0}) == 1);
}

TEST_CASE("E4M3 and bfloat16 bits", "[probe]") {
  CHECK(e4m3_value(0x00) == 0);
  CHECK(e4m3_value(0x38) == 1);
  CHECK(e4m3_value(0xb8) == -1);
  CHECK(e4m3_value(0x7e) == 448);
  CHECK(e4m3_value(0x01) == std::ldexp(1.0, -9));
  CHECK(e4m3_value(0x08) == std::ldexp(1.0, -6));
  CHECK(std::isnan(e4m3_value(0x7f)));
  CHECK(std::isnan(e4m3_value(0xff)));  // Poison.
  CHECK(bf16_value(0x3f80) == 1);
  CHECK(bf16_value(0xc040) == -3);
  CHECK(std::isnan(bf16_value(0xffff)));
}

TEST_CASE("offsets of experts, empty ones too", "[probe]") {
  CHECK(expert_offsets(std::vector<int>{2, 0, 2, 2}, 4) == std::vector<std::int64_t>{0, 1, 1, 4, 4});
  CHECK_THROWS_AS(expert_offsets(std::vector<int>{4}, 4), InternalError);
}

TEST_CASE("an order of experts is any that keeps each copy among its expert's rows, once", "[probe]") {
  const std::vector<int> ids{2, 0, 2, 2};  // Rows: expert 0 has 0, expert 2 has 1, 2, 3.
  CHECK(is_expert_order(ids, std::vector<int>{1, 0, 2, 3}, 4));
  CHECK(is_expert_order(ids, std::vector<int>{3, 0, 1, 2}, 4));
  CHECK_FALSE(is_expert_order(ids, std::vector<int>{1, 0, 2, 2}, 4));   // Twice the same row.
  CHECK_FALSE(is_expert_order(ids, std::vector<int>{0, 1, 2, 3}, 4));   // Among another's rows.
  CHECK_FALSE(is_expert_order(ids, std::vector<int>{1, 0, 2, -1}, 4));  // Poison.
  CHECK_FALSE(is_expert_order(ids, std::vector<int>{1, 0, 2}, 4));
}

TEST_CASE("shuffled copies keep each expert's count", "[probe]") {
  const std::vector<std::int64_t> rows{3, 0, 5};
  const auto ids = shuffled_ids(rows, 1);
  CHECK(ids.size() == 8);
  CHECK(expert_offsets(ids, 3) == std::vector<std::int64_t>{0, 3, 3, 8});
  CHECK(ids != shuffled_ids(rows, 2));
}

TEST_CASE("random inputs are exact in their types, centred and spread", "[probe]") {
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 100'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const float bf16 = random_bf16(5, i);
    // A bfloat16 has the upper 16 bits of a float.
    CHECK_FALSE(std::bit_cast<std::uint32_t>(bf16) & 0xffff);
    const float fp8 = random_fp8(5, i);
    CHECK(std::abs(fp8) <= 15.0F / 16);
    CHECK(fp8 * 16 == std::round(fp8 * 16));
    const float scale = random_scale(5, i);
    CHECK((scale == 0.25F || scale == 0.5F || scale == 1 || scale == 2));
    sum += bf16;
    squares += double{bf16} * bf16;
  }
  // Uniform on (-1, 1): mean 0 +- 0.0018, variance 1/3.
  CHECK(std::abs(sum / kCount) < 0.01);
  CHECK(squares / kCount == Approx(1.0 / 3).epsilon(0.02));
  CHECK(random_bits(1, 2) != random_bits(2, 1));
}
