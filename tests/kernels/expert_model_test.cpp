#include "models/kernels/expert_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

using Rows = std::vector<std::int64_t>;

constexpr double kExact = 1e-12;  // Relative: a few roundings of doubles.

// Nothing but FLOPs and bytes, at the full rates; the shorter of computation and memory hidden as well as can be.
ExpertConstants bare() {
  return {.fixed_us = 0,
          .local_expert_us = 0,
          .pair_ns = 0,
          .row_fraction = 1,
          .peak_fraction = 1,
          .bandwidth_fraction = 1,
          .feed_gb_per_s = 1e9,
          .short_step_feed = 1,
          .tile_us = 0,
          .step_us = 0,
          .overlap_exponent = 20};
}

ExpertProduct product(std::int64_t columns = 4096, std::int64_t depth = 7168) {
  return {.columns = columns, .depth = depth, .peak = round_device().peak_flops(DataType::bf16)};
}

ProductTime time(const ExpertConstants& constants, ExpertTiling tiling, const ExpertProduct& product,
                 const ExpertLoad& load, const ExpertLoad& even) {
  return expert_product_time(constants, tiling, round_device(), product, load, even);
}

// With the tile chosen on as many rows, spread evenly, as the model is used.
ProductTime time(const ExpertConstants& constants, ExpertTiling tiling, const ExpertProduct& product,
                 const Rows& rows) {
  const std::int64_t sum = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  return time(constants, tiling, product, expert_load(rows), even_load(sum, static_cast<std::int64_t>(rows.size())));
}

// Some experts without rows, some with few, some with many.
Rows random_rows(Rng& rng) {
  Rows rows(1 + rng.below(256));
  for (std::int64_t& r : rows) r = rng.below(3) == 0 ? 0 : rng.below(rng.below(2) == 0 ? 20 : 3000);
  return rows;
}

ExpertTiling random_tiling(Rng& rng) {
  const ExpertTiling kinds[] = {ExpertTiling::autotuned, ExpertTiling::triton, ExpertTiling::triton_tuned};
  return kinds[rng.below(3)];
}

void check_equal(const ExpertLoad& a, const ExpertLoad& b) {
  CHECK(a.experts == b.experts);
  CHECK(a.touched == b.touched);
  CHECK(a.rows == b.rows);
  CHECK(a.tokens == b.tokens);
  CHECK(a.tiles == b.tiles);
}

}  // namespace

TEST_CASE("a load counts experts, rows and tiles of every height", "[oracle][experts]") {
  // Against the definition: tiles are added one by one until they cover an expert's rows.
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const Rows rows = random_rows(rng);
  ExpertLoad naive;
  for (const std::int64_t r : rows) {
    naive.experts += 1;
    if (r > 0) naive.touched += 1;
    naive.rows += static_cast<double>(r);
    for (std::size_t i = 0; i < naive.tiles.size(); ++i) {
      for (std::int64_t covered = 0; covered < r; covered += ExpertLoad::kHeights[i]) naive.tiles[i] += 1;
    }
  }
  naive.tokens = naive.rows;
  check_equal(expert_load(rows), naive);
}

TEST_CASE("an even load is that of the even list", "[property][experts]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const std::int64_t experts = 1 + rng.below(300);
  const std::int64_t sum = rng.below(rng.below(2) == 0 ? 400 : 400'000);
  Rows rows(static_cast<std::size_t>(experts));
  for (std::int64_t i = 0; i < sum; ++i) ++rows[static_cast<std::size_t>(i % experts)];
  check_equal(even_load(sum, experts), expert_load(rows));
}

TEST_CASE("experts without rows have no tiles, and a product without rows takes no time", "[oracle][experts]") {
  const ExpertLoad load = expert_load(Rows{0, 100, 0, 0, 300, 0});
  const ExpertLoad dense = expert_load(Rows{100, 300});
  CHECK(load.tiles == dense.tiles);
  CHECK(load.touched == dense.touched);
  const ExpertLoad even = even_load(400, 6);
  for (const ExpertTiling tiling : {ExpertTiling::autotuned, ExpertTiling::triton_tuned}) {
    CHECK(time({}, tiling, product(), load, even).us == time({}, tiling, product(), dense, even).us);
  }
  CHECK(time({}, ExpertTiling::autotuned, product(), Rows(256, 0)).us == 0);
  CHECK(time({}, ExpertTiling::triton, product(), Rows(256, 0)).us == 0);
}

TEST_CASE("large experts run at the fraction of the peak", "[oracle][experts]") {
  // 25,600 rows by 12,800 columns for each of 4 experts: as many tiles of any size for each of 100 multiprocessors.
  // 2 rows columns depth FLOPs at 0.5 of 100 TFLOP/s.
  const auto tiling = GENERATE(ExpertTiling::autotuned, ExpertTiling::triton, ExpertTiling::triton_tuned);
  ExpertConstants constants = bare();
  constants.peak_fraction = 0.5;
  const ProductTime cost = time(constants, tiling, product(12'800, 4096), Rows(4, 25'600));
  CHECK_THAT(cost.compute_us, WithinRel(2.0 * 4 * 25'600 * 12'800 * 4096 / 50e12 * 1e6, kExact));
}

TEST_CASE("a row for each expert takes as long as reading the weights of those that have one", "[oracle][experts]") {
  // 3 of 5 experts: 2 * 3 * 4096 * 7168 B of weights, 2 * 7168 B of a row in and 2 * 4096 B of it out, at 0.5 TB/s.
  ExpertConstants constants = bare();
  constants.bandwidth_fraction = 0.5;
  const ProductTime cost = time(constants, ExpertTiling::autotuned, product(4096, 7168), Rows{1, 0, 1, 1, 0});
  CHECK_THAT(cost.memory_us, WithinRel(3 * 2.0 * (4096 * 7168 + 7168 + 4096) / 0.5e6, kExact));
  CHECK_THAT(cost.us, WithinRel(cost.memory_us, 1e-3));
}

TEST_CASE("a product is no shorter than its bytes at the bandwidth, nor than its FLOPs at the peak",
          "[property][experts]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const Rows rows = random_rows(rng);
  const ExpertLoad load = expert_load(rows);
  const std::int64_t columns = 1 + rng.below(8000);
  const std::int64_t depth = 1 + rng.below(8000);
  const double volume = static_cast<double>(columns) * static_cast<double>(depth);
  const double bytes = 2 * (load.touched * volume + load.rows * static_cast<double>(columns + depth));
  const ProductTime cost = time(bare(), random_tiling(rng), product(columns, depth), rows);
  CHECK(cost.us >= bytes * 1e-6 * (1 - kExact));
  CHECK(cost.us >= 2 * load.rows * volume / 100e12 * 1e6 * (1 - kExact));
  CHECK(cost.us >= std::max(cost.compute_us, cost.memory_us));
  CHECK(cost.us <= (cost.compute_us + cost.memory_us) * (1 + kExact));
}

TEST_CASE("how computation and memory overlap is the exponent's doing", "[oracle][experts]") {
  // The norm of exponent 1 is the sum, that of a large one the larger part.
  ExpertConstants constants = bare();
  const Rows rows(8, 400);
  constants.overlap_exponent = 1;
  const ProductTime added = time(constants, ExpertTiling::autotuned, product(), rows);
  CHECK_THAT(added.us, WithinRel(added.compute_us + added.memory_us, kExact));
  constants.overlap_exponent = 2;
  const ProductTime square = time(constants, ExpertTiling::autotuned, product(), rows);
  CHECK_THAT(square.us, WithinRel(std::hypot(square.compute_us, square.memory_us), kExact));
}

TEST_CASE("no load of as many rows costs less than whole tiles everywhere", "[property][experts]") {
  // Where 256 rows, the highest tile, divide every expert's share, no other list has fewer tiles of any height; moving
  // one row to another expert breaks a tile of each height, and computation, all there is, takes longer.
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const ExpertTiling tiling = random_tiling(rng);
  const Rows even(2 + rng.below(63), 256 * (1 + rng.below(8)));
  ExpertConstants constants = bare();
  constants.bandwidth_fraction = 1e6;
  Rows skewed = even;
  for (int i = 0; i < 100; ++i) {
    std::int64_t& from = skewed[rng.below(static_cast<std::uint32_t>(skewed.size()))];
    const std::int64_t moved = rng.below(static_cast<std::uint32_t>(from + 1));
    from -= moved;
    skewed[rng.below(static_cast<std::uint32_t>(skewed.size()))] += moved;
  }
  const double even_us = time(constants, tiling, product(), even).us;
  CHECK(time(constants, tiling, product(), skewed).us >= even_us);
  Rows one_moved = even;
  --one_moved.front();
  ++one_moved.back();
  CHECK(time(constants, tiling, product(), one_moved).us > even_us);
}

TEST_CASE("the tile is the even load's, whatever comes", "[oracle][experts]") {
  // 256 experts with one row each take tiles of 16 rows: 256 of them. All 256 rows on one expert are 16 such tiles,
  // a sixteenth of the work, although one tile of 256 rows would do.
  ExpertConstants constants = bare();
  constants.tile_us = 1;  // Twice what a tile of 16 by 256 computes along 64: few wide tiles are best.
  const ExpertProduct small = product(6400, 64);
  Rows hot(256, 0);
  hot.front() = 256;
  const double even_us = time(constants, ExpertTiling::autotuned, small, Rows(256, 1)).compute_us;
  const double hot_us = time(constants, ExpertTiling::autotuned, small, hot).compute_us;
  CHECK_THAT(hot_us, WithinRel(even_us / 16, kExact));
  // Chosen on what came, the tile would be a higher one and take less.
  const ExpertLoad load = expert_load(hot);
  CHECK(time(constants, ExpertTiling::autotuned, small, load, load).compute_us < hot_us);
}

TEST_CASE("relabelling experts changes nothing", "[property][experts]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  Rows rows = random_rows(rng);
  const ExpertTiling tiling = random_tiling(rng);
  const double before = time({}, tiling, product(), rows).us;
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[rng.below(static_cast<std::uint32_t>(i))]);
  }
  CHECK(time({}, tiling, product(), rows).us == before);
}

TEST_CASE("more rows of one expert never take less time where the tile is chosen for them", "[property][experts]") {
  // Each tile's work grows with the rows, so that the least of them does.
  const auto tiling = GENERATE(ExpertTiling::autotuned, ExpertTiling::triton_tuned);
  double before = 0;
  for (std::int64_t rows = 1; rows <= 2100; ++rows) {
    const double us = time({}, tiling, product(), Rows{rows}).us;
    CAPTURE(rows);
    CHECK(us >= before);
    before = us;
  }
}

TEST_CASE("libraries are known by their names", "[experts]") {
  CHECK(expert_tiling("sglang-0.5.14-triton-tuned") == ExpertTiling::triton_tuned);
  CHECK(expert_tiling("sglang-0.5.14-triton") == ExpertTiling::triton);
  CHECK(expert_tiling("trtllm-1.3.0rc20-cutlass") == ExpertTiling::autotuned);
}

}  // namespace moesim
