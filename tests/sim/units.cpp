#include "sim/units.hpp"

#include <cmath>

#include "tests/catch.hpp"

using namespace moesim;

TEST_CASE("time rounds up to whole picoseconds") {
  CHECK(Picoseconds::from_seconds(0).count == 0);
  CHECK(Picoseconds::from_seconds(1e-12).count == 1);
  CHECK(Picoseconds::from_seconds(1.001e-12).count == 2);
  CHECK(Picoseconds::from_seconds(1e-30).count == 1);
  CHECK(Picoseconds::from_us(2.5).count == 2'500'000);
  for (std::int64_t us = 0; us < 2000; ++us) {
    CHECK(Picoseconds::from_us(static_cast<double>(us)).count == us * 1'000'000);
  }
}

TEST_CASE("bytes over a bandwidth is exact to the picosecond", "[oracle]") {
  // n bytes at g GB/s take n * 1000 / g ps, rounded up; the same in integers.
  for (const std::int64_t gbyte_per_s : {1, 3, 5, 25, 50, 160, 400, 450, 900, 1800}) {
    for (std::int64_t n = 1; n < 4'000'000'000; n = n * 3 + 4096) {
      CAPTURE(gbyte_per_s, n);
      const auto rate = Bandwidth::gbyte_per_s(static_cast<double>(gbyte_per_s));
      CHECK((Bytes{n} / rate).count == (n * 1000 + gbyte_per_s - 1) / gbyte_per_s);
    }
  }
  CHECK((Bytes{0} / Bandwidth::gbyte_per_s(1)).count == 0);
  CHECK(Bandwidth::gbit_per_s(400) == Bandwidth::gbyte_per_s(50));
}

TEST_CASE("a time that no simulation reaches is refused") {
  CHECK_THROWS_AS(Picoseconds::from_seconds(-1e-12), InternalError);
  CHECK_THROWS_AS(Picoseconds::from_seconds(1e7), TimeRangeError);
  CHECK_THROWS_AS(Picoseconds::max() + Picoseconds{1}, TimeRangeError);
  CHECK_THROWS_AS(Picoseconds::from_seconds(std::nan("")), InternalError);
  CHECK_THROWS_AS(Bytes{1} / Bandwidth(), InternalError);
}
