#include "models/kernels/gemm_model.hpp"

#include <algorithm>
#include <cmath>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

constexpr double kExact = 1e-12;     // Relative: a few roundings of doubles.
constexpr double kNearly = 1e-6;     // Relative: the shorter of computation and memory is not quite nothing.
constexpr double kSplitUs = 2.6;     // docs/models/kernels.md: adding up parts of k is one more kernel.
constexpr double kMostOfRate = 1e9;  // TFLOP/s or GB/s that make a part of the time vanish.

// Nothing but FLOPs and bytes, at the full rates.
GemmConstants bare() {
  return {.launch_us = 0,
          .peak_fraction = 1,
          .drop_per_decade = 0,
          .bandwidth_fraction = 1,
          .step_us = 0,
          .tile_us = 0,
          .feed_gb_per_s = kMostOfRate,
          .quantize_us_per_million = 0,
          .ragged_us = 0};
}

Device with_multiprocessors(int count) {
  Device device = round_device();
  device.multiprocessors = count;
  return device;
}

GemmTime time(const GemmConstants& constants, TileSchedule schedule, const GemmShape& shape,
              const Device& device = round_device(), CacheState cache = CacheState::weights_cold) {
  return gemm_time(constants, schedule, device, device.peak_flops(DataType::bf16), shape, cache);
}

double flops(const GemmShape& s) {
  return 2 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
}

}  // namespace

TEST_CASE("a product of whole waves takes its FLOPs over the fraction of the peak", "[oracle][gemm]") {
  // 12800 x 12800 outputs: a whole number of tiles of every size for each of 100 multiprocessors.
  const auto schedule = GENERATE(TileSchedule::split, TileSchedule::whole);
  GemmConstants constants = bare();
  constants.peak_fraction = 0.75;
  constants.launch_us = 5;
  Device device = round_device();
  device.memory = Bandwidth::gbyte_per_s(kMostOfRate);
  const GemmShape shape{.m = 12800, .n = 12800, .k = 4096};
  const double expected = flops(shape) / (0.75 * 100e12) * 1e6;
  const GemmTime cost = time(constants, schedule, shape, device);
  CHECK_THAT(cost.compute_us, WithinRel(expected, kExact));
  CHECK_THAT(cost.us, WithinRel(5 + expected, kNearly));
}

TEST_CASE("one row takes the bytes of its weights over the fraction of the bandwidth, and the launch",
          "[oracle][gemm]") {
  const auto schedule = GENERATE(TileSchedule::split, TileSchedule::whole);
  GemmConstants constants = bare();
  constants.bandwidth_fraction = 0.8;
  constants.launch_us = 5;
  Device device = round_device();
  device.peak = {{DataType::bf16, FlopRate::tflop_per_s(kMostOfRate)}};
  // Weights 2 * 8192 * 8192 B, one row in and one out of 2 * 8192 B, at 0.8 of 1 TB/s = 0.8e6 B/us.
  const double expected = (2.0 * 8192 * 8192 + 2 * 2 * 8192) / 0.8e6;
  const GemmTime cost = time(constants, schedule, {.m = 1, .n = 8192, .k = 8192}, device);
  CHECK_THAT(cost.memory_us, WithinRel(expected, kExact));
  CHECK_THAT(cost.us, WithinRel(5 + expected, kNearly));
}

TEST_CASE("inputs and outputs count by their own widths", "[oracle][gemm]") {
  const GemmShape shape{.m = 256, .n = 512, .k = 1024, .input_bytes = 1, .output_bytes = 4};
  CHECK_THAT(time(bare(), TileSchedule::whole, shape).memory_us,
             WithinRel((256.0 * 1024 + 512 * 1024 + 4 * 256 * 512) * 1e-6, kExact));
}

TEST_CASE("twice the bandwidth halves the memory's part, twice the peak that of the FLOPs", "[property][gemm]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const GemmShape shape{.m = 1 + rng.below(9000), .n = 1 + rng.below(9000), .k = 1 + rng.below(9000)};
  const GemmTime slow = time(bare(), TileSchedule::whole, shape);
  Device wide = round_device();
  wide.memory = 2 * wide.memory;
  CHECK_THAT(time(bare(), TileSchedule::whole, shape, wide).memory_us, WithinRel(slow.memory_us / 2, kExact));
  CHECK_THAT(time(bare(), TileSchedule::whole, shape, wide).compute_us, WithinRel(slow.compute_us, kExact));
  Device quick = round_device();
  quick.peak = {{DataType::bf16, 2 * quick.peak_flops(DataType::bf16)}};
  CHECK_THAT(time(bare(), TileSchedule::whole, shape, quick).compute_us, WithinRel(slow.compute_us / 2, kExact));
  CHECK_THAT(time(bare(), TileSchedule::whole, shape, quick).memory_us, WithinRel(slow.memory_us, kExact));
}

TEST_CASE("a product is no shorter than its FLOPs at the peak, nor than its bytes at the bandwidth",
          "[property][gemm]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const auto schedule = rng.below(2) == 0 ? TileSchedule::split : TileSchedule::whole;
  const GemmShape shape{.m = 1 + rng.below(9000), .n = 1 + rng.below(9000), .k = 1 + rng.below(9000)};
  const GemmTime cost = time(bare(), schedule, shape);
  CHECK(cost.compute_us >= flops(shape) / 100e12 * 1e6 * (1 - kExact));
  CHECK(cost.us >= std::max(cost.compute_us, cost.memory_us));
  CHECK(cost.us <= cost.compute_us + cost.memory_us + kSplitUs + kExact);
}

TEST_CASE("133 tiles on 132 multiprocessors are two waves where tiles stay whole", "[oracle][gemm]") {
  // The narrowest tile of 64 rows has 32 columns, and k is too short to be split.
  const Device device = with_multiprocessors(132);
  const GemmShape full{.m = 64, .n = 132 * 32, .k = 512};
  const GemmShape over{.m = 64, .n = 133 * 32, .k = 512};
  CHECK_THAT(time(bare(), TileSchedule::whole, over, device).compute_us,
             WithinRel(2 * time(bare(), TileSchedule::whole, full, device).compute_us, kExact));
  CHECK_THAT(time(bare(), TileSchedule::split, over, device).compute_us,
             WithinRel(133.0 / 132 * time(bare(), TileSchedule::split, full, device).compute_us, kExact));
}

TEST_CASE("idle multiprocessors share k, in 32 parts at most, for one more kernel", "[oracle][gemm]") {
  // One tile of 64 x 32 on 100 multiprocessors; k of 64 steps of 1 us for each part.
  GemmConstants constants = bare();
  constants.step_us = 1;
  const GemmShape shape{.m = 64, .n = 32, .k = 32 * 64 * 64};
  const GemmTime whole = time(constants, TileSchedule::whole, shape);
  const GemmTime split = time(constants, TileSchedule::split, shape);
  CHECK_THAT(whole.compute_us, WithinRel(32.0 * 64, kExact));
  CHECK_THAT(split.compute_us, WithinRel(64.0, kExact));
  CHECK_THAT(split.us, WithinRel(std::cbrt(std::pow(64, 3) + std::pow(split.memory_us, 3)) + kSplitUs, kExact));
}

TEST_CASE("a tile's rows are paid whole", "[oracle][gemm]") {
  // 65 rows take tiles of 128 rows where tiles stay whole: as long as 128, and twice as long as 64.
  const auto compute = [](std::int64_t m) {
    return time(bare(), TileSchedule::whole, {.m = m, .n = 12800, .k = 1024}).compute_us;
  };
  CHECK(compute(65) == compute(128));
  CHECK_THAT(compute(65), WithinRel(2 * compute(64), kExact));
  CHECK(compute(1) == compute(64));
}

TEST_CASE("cold weights never make a product faster, and large ones are cold anyway", "[property][gemm]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  Device device = round_device();
  device.l2_cache = Bytes{50 << 20};
  const auto size = [&] { return static_cast<std::int64_t>(std::exp2(4 + 10 * rng.uniform())); };
  const GemmShape shape{.m = size(), .n = size(), .k = size()};
  const double cold = time(bare(), TileSchedule::split, shape, device).memory_us;
  const double measured = time(bare(), TileSchedule::split, shape, device, CacheState::rotating).memory_us;
  const double weights = 2.0 * static_cast<double>(shape.n * shape.k);
  CHECK(measured <= cold);
  // Five copies, inputs and outputs that fit into the cache together stay there.
  const double others = 2.0 * static_cast<double>(shape.m * (shape.n + shape.k));
  const auto l2 = static_cast<double>(device.l2_cache.count);
  if (5 * weights + others < l2) CHECK(measured < cold);
  if (weights >= l2) CHECK(measured == cold);
}

TEST_CASE("weights much larger than the cache are read either way", "[oracle][gemm]") {
  Device device = round_device();
  device.l2_cache = Bytes{50 << 20};
  const GemmShape shape{.m = 16, .n = 16384, .k = 16384};  // 512 MiB of weights.
  for (const CacheState cache : {CacheState::weights_cold, CacheState::rotating}) {
    CHECK_THAT(time(bare(), TileSchedule::split, shape, device, cache).memory_us,
               WithinRel(2.0 * (16384.0 * 16384 + 2 * 16 * 16384) * 1e-6, kExact));
  }
}

TEST_CASE("quantising is a kernel over the inputs", "[oracle][gemm]") {
  // 1000 x 4096 inputs at 2 us a million.
  const GemmShape shape{.m = 1000, .n = 640, .k = 4096, .input_bytes = 1};
  GemmConstants constants = bare();
  const double without = time(constants, TileSchedule::whole, shape).us;
  constants.quantize_us_per_million = 2;
  CHECK_THAT(time(constants, TileSchedule::whole, shape).us, WithinRel(without + 2 * 4.096, kExact));
}

TEST_CASE("rows missing from tiles cost their share of the depth, above 32 rows", "[oracle][gemm]") {
  // n is wide enough for a full wave of any tile. 100 rows leave 28 of a tile of 128 empty, 40 rows 24 of 64.
  GemmConstants ragged = bare();
  ragged.ragged_us = 3;
  const auto extra = [&](std::int64_t m) {
    const GemmShape shape{.m = m, .n = 12800, .k = 2048};
    return time(ragged, TileSchedule::whole, shape).compute_us - time(bare(), TileSchedule::whole, shape).compute_us;
  };
  CHECK_THAT(extra(100), WithinRel(3 * 28.0 / 128 * 2048 / 128, kNearly));
  CHECK_THAT(extra(40), WithinRel(3 * 24.0 / 128 * 2048 / 128, kNearly));
  CHECK(extra(128) == 0);
  CHECK(extra(32) == 0);
}

TEST_CASE("each tenfold of work beyond 100 us loses its share of the peak, down to a fifth", "[oracle][gemm]") {
  // 12800 x 12800 x 12800 at 100 TFLOP/s are 41943 us, log10(1 + 419.43) = 2.62 decades beyond 100 us.
  const GemmShape shape{.m = 12800, .n = 12800, .k = 12800};
  Device device = round_device();
  const double at_peak_us = flops(shape) / 100e12 * 1e6;
  const double decades = std::log10(1 + at_peak_us / 100);
  CHECK_THAT(decades, WithinRel(2.6237, 1e-4));
  GemmConstants constants = bare();
  for (const double drop : {0.0, 0.1, 0.2}) {
    constants.drop_per_decade = drop;
    CHECK_THAT(time(constants, TileSchedule::whole, shape, device).compute_us,
               WithinRel(at_peak_us / (1 - drop * decades), kExact));
  }
  constants.drop_per_decade = 0.5;
  REQUIRE(1 - 0.5 * decades < 0.2);
  CHECK_THAT(time(constants, TileSchedule::whole, shape, device).compute_us, WithinRel(at_peak_us / 0.2, kExact));
}

TEST_CASE("blocks of scales keep tiles whole", "[gemm]") {
  CHECK(gemm_schedule("fp8_block") == TileSchedule::whole);
  for (const char* precision : {"bf16", "fp8", "fp32"}) CHECK(gemm_schedule(precision) == TileSchedule::split);
}

}  // namespace moesim
