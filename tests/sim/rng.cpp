#include "sim/rng.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "tests/catch.hpp"

namespace {

using namespace moesim;

using Block = std::array<std::uint32_t, 4>;

constexpr int kDraws = 200'000;

// Of draws that should fall into `counts.size()` cells with equal probability. Its mean is the number of cells less
// one, its standard deviation about the root of twice that; the tests allow 5 of those.
double chi_squared(const std::vector<int>& counts) {
  double total = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

double chi_squared_limit(std::size_t cells) {
  const auto degrees = static_cast<double>(cells - 1);
  return degrees + 5 * std::sqrt(2 * degrees);
}

// The chi-squared of draws that `cdf` should make uniform in (0, 1).
template <class Draw, class Cdf>
double chi_squared_of(std::uint64_t seed, std::size_t cells, Draw draw, Cdf cdf) {
  Rng rng(seed, 0);
  std::vector<int> counts(cells);
  for (int i = 0; i < kDraws; ++i) {
    const auto cell = static_cast<std::size_t>(cdf(draw(rng)) * static_cast<double>(cells));
    ++counts[std::min(cell, cells - 1)];
  }
  return chi_squared(counts);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

TEST_CASE("Philox4x32-10 gives the published vectors", "[oracle]") {
  // The known-answer tests of the Random123 library (kat_vectors), by the authors of the paper.
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("word n is the word of block n / 4 under (seed, stream)", "[oracle]") {
  constexpr std::uint64_t kSeed = 0x0123456789abcdef;
  constexpr std::uint64_t kStream = 0xfedcba9876543210;
  Rng rng(kSeed, kStream);
  for (std::uint32_t n = 0; n < 40; ++n) {
    const Block block = philox4x32_10({n / 4, 0, 0x76543210, 0xfedcba98}, {0x89abcdef, 0x01234567});
    CHECK(rng.next_u32() == block[n % 4]);
  }
}

TEST_CASE("a draw does not depend on how one came to it", "[property]") {
  std::vector<std::uint32_t> words;
  Rng forward(7, 9);
  for (int i = 0; i < 64; ++i) words.push_back(forward.next_u32());
  for (std::size_t n = words.size(); n-- > 0;) {
    Rng rng(7, 9);
    rng.seek(n);
    CHECK(rng.next_u32() == words[n]);
  }
  // A draw of 64 bits is two words, wherever it begins.
  for (std::size_t n = 0; n < 8; ++n) {
    Rng rng(7, 9);
    rng.seek(n);
    CHECK(rng.next_u64() == (std::uint64_t{words[n + 1]} << 32 | words[n]));
    CHECK(rng.next_u32() == words[n + 2]);
  }
  // Beyond 2^32 blocks the counter carries.
  Rng far(7, 9);
  far.seek((std::uint64_t{1} << 34) + 3);
  CHECK(far.next_u32() == philox4x32_10({0, 1, 9, 0}, {7, 0})[3]);
}

TEST_CASE("streams and seeds are apart", "[property]") {
  // Of 10^6 words in 64 bits a pair agrees by chance with probability 3e-8.
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t stream = 0; stream < 100; ++stream) {
      Rng rng(seed, stream);
      for (int i = 0; i < 100; ++i) seen.insert(rng.next_u64());
    }
  }
  CHECK(seen.size() == 10 * 100 * 100);

  // The correlation of neighbours has a standard deviation of 1 / sqrt(draws).
  const auto correlation = [](Rng a, Rng b) {
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    return sum / kDraws * 12;
  };
  const double limit = 4 / std::sqrt(static_cast<double>(kDraws));
  for (std::uint64_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(std::abs(correlation(Rng(1, i), Rng(1, i + 1))) < limit);
    CHECK(std::abs(correlation(Rng(i, 1), Rng(i + 1, 1))) < limit);
  }
}

TEST_CASE("uniform numbers fill [0, 1) evenly", "[property]") {
  const auto draw = [](Rng& rng) { return rng.uniform(); };
  const auto same = [](double x) { return x; };
  for (std::uint64_t seed = 0; seed < 5; ++seed) CHECK(chi_squared_of(seed, 100, draw, same) < chi_squared_limit(100));
  Rng rng(1, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.uniform();
    REQUIRE((x >= 0 && x < 1));
    sum += x;
    squares += x * x;
  }
  // The variances of x and x^2 are 1/12 and 4/45; 4 standard errors.
  CHECK(sum / kDraws == Approx(0.5).margin(4 * std::sqrt(1.0 / 12 / kDraws)));
  CHECK(squares / kDraws == Approx(1.0 / 3).margin(4 * std::sqrt(4.0 / 45 / kDraws)));
  for (int i = 0; i < kDraws; ++i) {
    Rng same_words = rng;
    const double x = rng.uniform_positive();
    REQUIRE((x > 0 && x <= 1));
    REQUIRE(x - same_words.uniform() == 0x1p-53);
  }
}

TEST_CASE("integers below n come up evenly", "[property]") {
  for (const std::uint32_t n : {1U, 2U, 7U, 100U, 256U, 1000U}) {
    CAPTURE(n);
    Rng rng(3, n);
    std::vector<int> counts(n);
    for (int i = 0; i < kDraws; ++i) ++counts.at(rng.below(n));
    CHECK(chi_squared(counts) <= chi_squared_limit(n));
  }
  // With n = 3 * 2^30, 2^32 words map to n values: were none refused, values that 3 divides would take two words, the
  // others one, and half of all draws would be divisible by 3.
  Rng rng(3, 0);
  std::vector<int> remainders(3);
  for (int i = 0; i < kDraws; ++i) ++remainders[rng.below(3U << 30) % 3];
  CHECK(chi_squared(remainders) < chi_squared_limit(3));
}

TEST_CASE("exponential numbers have the exponential distribution", "[property]") {
  const auto draw = [](Rng& rng) { return rng.exponential(); };
  const auto cdf = [](double x) { return -std::expm1(-x); };
  for (std::uint64_t seed = 0; seed < 5; ++seed) CHECK(chi_squared_of(seed, 100, draw, cdf) < chi_squared_limit(100));
  Rng rng(1, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.exponential();
    REQUIRE(x >= 0);
    sum += x;
    squares += x * x;
  }
  // Variances of x and x^2: 1, and 4! - 2^2 = 20.
  CHECK(sum / kDraws == Approx(1).margin(4 * std::sqrt(1.0 / kDraws)));
  CHECK(squares / kDraws == Approx(2).margin(4 * std::sqrt(20.0 / kDraws)));
}

TEST_CASE("normal numbers have the normal distribution", "[property]") {
  const auto draw = [](Rng& rng) { return rng.normal(); };
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CHECK(chi_squared_of(seed, 100, draw, normal_cdf) < chi_squared_limit(100));
  }
  Rng rng(1, 0);
  double powers[4] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    powers[0] += x / kDraws;
    powers[1] += x * x / kDraws;
    powers[2] += x * x * x / kDraws;
    powers[3] += x * x * x * x / kDraws;
  }
  // E x^2n = (2n - 1)!!, so that the variances of x .. x^4 are 1, 3 - 1, 15, 105 - 9.
  CHECK(powers[0] == Approx(0).margin(4 * std::sqrt(1.0 / kDraws)));
  CHECK(powers[1] == Approx(1).margin(4 * std::sqrt(2.0 / kDraws)));
  CHECK(powers[2] == Approx(0).margin(4 * std::sqrt(15.0 / kDraws)));
  CHECK(powers[3] == Approx(3).margin(4 * std::sqrt(96.0 / kDraws)));
}

TEST_CASE("the normal quantile is the inverse of the normal distribution", "[oracle]") {
  // Across the three ranges of the approximation and both of their borders (0.075 and exp(-25)). A relative error of
  // 1e-15 in x grows to x^2 * 1e-15 in p.
  for (double exponent = -1; exponent > -300; exponent *= 1.07) {
    const double p = std::pow(10.0, exponent);
    CAPTURE(p);
    const double x = normal_quantile(p);
    CHECK_THAT(normal_cdf(x), WithinRel(p, (1 + x * x) * 2e-15));
  }
  for (double p = 0.01; p < 0.995; p += 0.01) {
    CHECK_THAT(normal_cdf(normal_quantile(p)), WithinRel(p, 1e-14));
    CHECK_THAT(normal_quantile(p), WithinAbs(-normal_quantile(1 - p), 1e-13));
  }
  CHECK(normal_quantile(0.5) == 0);
  CHECK_THROWS_AS(normal_quantile(0), InternalError);
  CHECK_THROWS_AS(normal_quantile(1), InternalError);
}
