#include "models/kernels/kernel_model.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

const KernelModel kIdeal(round_device(), ideal());
constexpr GemmTypes kBf16{};

}  // namespace

TEST_CASE("a large product runs at the peak times its efficiency", "[oracle][kernels]") {
  // 12800 x 12800 outputs are 100 x 100 tiles, 100 for each multiprocessor: no tail. 2 m n k flops at 100 TFLOP/s, then
  // 2 B an output at 1 TB/s.
  const std::int64_t m = 12800;
  const std::int64_t k = 4096;
  const double flops = 2.0 * 12800 * 12800 * 4096;
  const double write_us = 2.0 * 12800 * 12800 * 1e-6;
  const KernelCost cost = kIdeal.gemm(m, m, k, kBf16);
  CHECK(cost.flops == flops);
  CHECK_THAT(cost.time.us(), WithinAbs(flops / 100e12 * 1e6 + write_us, kRoundingUs));
  CHECK(cost.bound == Bound::compute);
  KernelEfficiencies half = ideal();
  half.gemm_compute_wide = 0.5;
  half.launch_us = 7;
  const KernelCost slower = KernelModel(round_device(), half).gemm(m, m, k, kBf16);
  CHECK_THAT(slower.time.us(), WithinAbs(7 + flops / 50e12 * 1e6 + write_us, kRoundingUs));
}

TEST_CASE("a product of few rows takes the time to read its weights", "[oracle][kernels]") {
  // [8, 4096] x [4096, 12800]: weights 2 * 4096 * 12800 B, inputs 2 * 8 * 4096, outputs 2 * 8 * 12800, at 1 TB/s.
  const KernelCost cost = kIdeal.gemm(8, 12800, 4096, kBf16);
  const std::int64_t bytes = 2 * (4096 * 12800 + 8 * 4096 + 8 * 12800);
  CHECK(cost.hbm == Bytes{bytes});
  CHECK_THAT(cost.time.us(), WithinAbs(static_cast<double>(bytes) * 1e-6, kRoundingUs));
  CHECK(cost.bound == Bound::memory);
  // Twice the bandwidth, half the time, as long as memory is the limit.
  Device slow = round_device();
  slow.memory = Bandwidth::gbyte_per_s(500);
  const KernelCost slower = KernelModel(slow, ideal()).gemm(8, 12800, 4096, kBf16);
  CHECK_THAT(slower.time.us(), WithinAbs(2 * cost.time.us(), kRoundingUs));
}

TEST_CASE("FP8 inputs carry their scales, outputs are wider", "[oracle][kernels]") {
  // 16 rows of 4096 elements: 4096 B and 32 scales of 4 B each; weights 1 B an element; outputs 2 B.
  const GemmTypes fp8{.input = DataType::fp8};
  Device device = round_device();
  device.peak.push_back({DataType::fp8, FlopRate::tflop_per_s(200)});
  const KernelCost cost = KernelModel(device, ideal()).gemm(16, 256, 4096, fp8);
  CHECK(cost.hbm == Bytes{16 * (4096 + 32 * 4) + 4096 * 256 + 2 * 16 * 256});
}

TEST_CASE("experts without tokens cost nothing", "[oracle][kernels]") {
  const std::vector<std::int64_t> with_gaps{0, 300, 0, 0, 17, 1, 0};
  const std::vector<std::int64_t> without{300, 17, 1};
  for (const auto& [n, k] : {std::pair{512, 256}, std::pair{4096, 7168}}) {
    const KernelCost a = kIdeal.grouped_gemm(with_gaps, n, k, kBf16);
    const KernelCost b = kIdeal.grouped_gemm(without, n, k, kBf16);
    CHECK(a.time == b.time);
    CHECK(a.hbm == b.hbm);
    CHECK(kIdeal.grouped_weight_gradient(with_gaps, n, k, kBf16).time ==
          kIdeal.grouped_weight_gradient(without, n, k, kBf16).time);
  }
  const std::vector<std::int64_t> none(256, 0);
  const KernelModel real(round_device(), {});
  CHECK(real.grouped_gemm(none, 4096, 7168, kBf16).time == Picoseconds::zero());
  CHECK(real.grouped_gemm(none, 4096, 7168, kBf16).hbm == Bytes{0});
  CHECK(real.grouped_weight_gradient(none, 4096, 7168, kBf16).time == Picoseconds::zero());
  CHECK(real.stream({0}).time == Picoseconds::zero());
}

TEST_CASE("one token costs a whole tile", "[oracle][kernels]") {
  CHECK(padded_rows(0) == 0);
  CHECK(padded_rows(1) == 64);
  CHECK(padded_rows(64) == 64);
  CHECK(padded_rows(65) == 128);
  CHECK(padded_rows(129) == 256);
  // Without a memory to wait for: 800 groups of one row against 800 of 64, both 800 half tiles on 100 multiprocessors.
  Device device = round_device();
  device.memory = Bandwidth::gbyte_per_s(1e12);
  const KernelModel model(device, ideal());
  const std::vector<std::int64_t> ones(800, 1);
  const std::vector<std::int64_t> sixty_four(800, 64);
  const std::vector<std::int64_t> whole(800, 128);
  const auto time_us = [&](const std::vector<std::int64_t>& rows) {
    return model.grouped_gemm(rows, 128, 8192, kBf16).time.us();
  };
  // 8 half tiles of 2 * 64 * 128 * 8192 flops at 1 TFLOP/s.
  CHECK_THAT(time_us(ones), WithinAbs(8 * 2 * 64 * 128 * 8192.0 * 1e-6, kRoundingUs));
  CHECK_THAT(time_us(sixty_four), WithinAbs(time_us(ones), kRoundingUs));
  CHECK_THAT(time_us(whole), WithinAbs(2 * time_us(ones), kRoundingUs));
}

TEST_CASE("the last wave costs as much as a full one", "[oracle][kernels]") {
  Device device = round_device();
  device.memory = Bandwidth::gbyte_per_s(1e12);
  const KernelModel model(device, ideal());
  // Tiles of 64 columns. 100 tiles: one wave on 100 multiprocessors. 101: two. 200: two.
  const auto time_us = [&](std::int64_t tiles) { return model.gemm(128, 64 * tiles, 1024, kBf16).time.us(); };
  CHECK_THAT(time_us(100), WithinAbs(2 * 128 * 64 * 1024.0 * 1e-6, kRoundingUs));
  CHECK_THAT(time_us(1), WithinAbs(time_us(100), kRoundingUs));
  CHECK_THAT(time_us(101), WithinAbs(2 * time_us(100), kRoundingUs));
  CHECK_THAT(time_us(101), WithinAbs(time_us(200), kRoundingUs));
}

TEST_CASE("a weight gradient reads both operands and adds to what is there", "[oracle][kernels]") {
  // Two groups with rows: 2 * [n, k] fp32 gradients read and written; inputs and output gradients in bf16.
  const std::array<std::int64_t, 3> rows{100, 0, 28};
  const KernelCost cost = kIdeal.grouped_weight_gradient(rows, 512, 256, kBf16);
  CHECK(cost.hbm == Bytes{2 * 2 * 512 * 256 * 4 + 128 * 2 * (512 + 256)});
  CHECK(cost.flops == 2.0 * 128 * 512 * 256);
  // 12800 rows of 12800 x 12800: 2 m n k at 100 TFLOP/s, then 8 B an element at 1 TB/s.
  const KernelCost large = kIdeal.weight_gradient(12800, 12800, 12800, kBf16);
  CHECK_THAT(large.time.us(),
             WithinAbs(2.0 * 12800 * 12800 * 12800 / 100e12 * 1e6 + 8.0 * 12800 * 12800 * 1e-6, kRoundingUs));
}

TEST_CASE("one more token is never faster", "[property][kernels]") {
  const auto seed = GENERATE(range(1u, 101u));
  CAPTURE(seed);
  Rng rng(seed, 0);
  const KernelModel model(h800(), {});
  const GemmTypes types{.input = rng.below(2) == 0 ? DataType::fp8 : DataType::bf16};
  std::vector<std::int64_t> rows(1 + rng.below(40));
  for (auto& r : rows) r = rng.below(3) == 0 ? 0 : static_cast<std::int64_t>(rng.below(400));
  const std::int64_t n = 64 * (1 + rng.below(64));
  const std::int64_t k = 128 * (1 + rng.below(56));
  KernelCost product = model.grouped_gemm(rows, n, k, types);
  KernelCost gradient = model.grouped_weight_gradient(rows, n, k, types);
  for (int step = 0; step < 200; ++step) {
    rows[rng.below(static_cast<std::uint32_t>(rows.size()))] += 1 + rng.below(30);
    const KernelCost more_product = model.grouped_gemm(rows, n, k, types);
    const KernelCost more_gradient = model.grouped_weight_gradient(rows, n, k, types);
    REQUIRE(more_product.time >= product.time);
    REQUIRE(more_gradient.time >= gradient.time);
    // Never faster than the roofline of the useful work.
    const double reached = types.input == DataType::fp8 ? 0.70 * 1979e12 : 0.80 * 989e12;
    REQUIRE(more_product.time.seconds() >= more_product.flops / reached);
    REQUIRE(more_gradient.time.seconds() >= more_gradient.flops / reached);
    product = more_product;
    gradient = more_gradient;
  }
}

TEST_CASE("moving tokens together never adds tiles", "[property][kernels]") {
  // The same rows on fewer experts read fewer weights and pad fewer tiles.
  const auto seed = GENERATE(range(1u, 21u));
  CAPTURE(seed);
  Rng rng(seed, 1);
  std::vector<std::int64_t> spread(16);
  std::int64_t total = 0;
  for (auto& r : spread) total += r = 1 + static_cast<std::int64_t>(rng.below(300));
  const std::vector<std::int64_t> together{total};
  const KernelModel model(h800(), {});
  CHECK(model.grouped_gemm(together, 4096, 7168, {}).time <= model.grouped_gemm(spread, 4096, 7168, {}).time);
}

TEST_CASE("until calibrated, results say so", "[kernels]") {
  const std::array types{DataType::fp4, DataType::bf16, DataType::fp4};
  const auto caveats = KernelModel(h800(), {}).caveats(types);
  REQUIRE(caveats.size() == 2);
  CHECK(caveats[0].key == "uncalibrated");
  CHECK(caveats[1].key == "data_type_fallback");
}

TEST_CASE("costs add up", "[kernels]") {
  const KernelCost a = kIdeal.stream({1000});
  const KernelCost b = kIdeal.gemm(12800, 12800, 4096, kBf16);
  const KernelCost both = a + b;
  CHECK(both.time == a.time + b.time);
  CHECK(both.hbm == a.hbm + b.hbm);
  CHECK(both.flops == b.flops);
  CHECK(both.bound == Bound::compute);
}

}  // namespace moesim
