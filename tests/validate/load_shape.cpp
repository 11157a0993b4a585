#include "validate/load_shape.hpp"

#include <algorithm>
#include <numeric>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

using Rows = std::vector<std::int64_t>;

TEST_CASE("load shapes conserve rows, and only a list can leave the order", "[property][load_shape]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 0);
    const auto groups = static_cast<std::int64_t>(1 + rng.below(256));
    const auto rows = static_cast<std::int64_t>(rng.below(100'000));
    for (const std::string& load :
         {std::string("balanced"), std::string("one_hot"), "zipf:" + std::to_string(2 * rng.uniform()),
          "power_law:" + std::to_string(0.5 + rng.uniform())}) {
      CAPTURE(load, groups, rows);
      REQUIRE(is_load_shape(load));
      const Rows counts = load_rows(load, rows, groups);
      REQUIRE(static_cast<std::int64_t>(counts.size()) == groups);
      CHECK(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) == rows);
      CHECK(*std::min_element(counts.begin(), counts.end()) >= 0);
      CHECK(load_rows(load, rows, groups) == counts);
      if (load == "balanced") {
        CHECK(counts.front() - counts.back() <= 1);
        CHECK(std::is_sorted(counts.rbegin(), counts.rend()));
      }
    }
  }
}

TEST_CASE("load shapes by hand", "[oracle][load_shape]") {
  CHECK(load_rows("balanced", 7, 3) == Rows{3, 2, 2});
  CHECK(load_rows("one_hot", 7, 3) == Rows{7, 0, 0});
  CHECK(load_rows("zipf:0", 6, 3) == Rows{2, 2, 2});
  CHECK(load_rows("zipf:1", 11, 3) == Rows{6, 3, 2});  // 1 : 1/2 : 1/3 of 11.
  CHECK(load_rows("rows:3;0;5", 8, 3) == Rows{3, 0, 5});
}

TEST_CASE("what is no load shape", "[load_shape]") {
  for (const char* load : {"", "flat", "zipf", "zipf:", "zipf:x", "zipf:-1", "zipf:nan", "zipf:99",
                           "power_law:", "rows:", "rows:1;", "rows:;1", "rows:-1", "rows:1.5", "rows:1 ", "Balanced"}) {
    CAPTURE(load);
    CHECK_FALSE(is_load_shape(load));
  }
}

}  // namespace
}  // namespace moesim
