#include "models/kernels/row_model.hpp"

#include "tests/catch.hpp"

namespace moesim {
namespace {

// 1,000 bytes a us, and an L2 cache of 1 MB.
const Device kDevice{
    .name = "device", .peak = {}, .memory = Bandwidth::gbyte_per_s(1), .memory_capacity = {1}, .l2_cache = {1'000'000}};

constexpr RowConstants kConstants{
    .launch_us = 2, .count_us = 3, .stream_fraction = 0.5, .scatter_fraction = 0.25, .cached_gb_per_s = 10};

double us(double bytes, RowOrder order) { return row_time_us(kConstants, kDevice, bytes, order); }

}  // namespace

TEST_CASE("rows beyond the cache take launch plus bytes over the order's bandwidth", "[oracle][kernels]") {
  CHECK(us(2e6, RowOrder::stream) == Approx(2 + 4000));
  CHECK(us(2e6, RowOrder::scatter) == Approx(2 + 8000));
  CHECK(us(2e6, RowOrder::permute) == Approx(2 + 3 + 8000));
  CHECK(us(1e6, RowOrder::stream) == Approx(2 + 2000));  // From the whole cache on nothing is in it.
}

TEST_CASE("rows within half the cache come from it, in between a share of them", "[oracle][kernels]") {
  CHECK(us(5e5, RowOrder::stream) == Approx(2 + 50));
  CHECK(us(5e5, RowOrder::scatter) == Approx(2 + 50));
  CHECK(us(75e4, RowOrder::stream) == Approx(2 + 37.5 + 750));  // Half of them.
  Device bare = kDevice;
  bare.l2_cache = {};
  CHECK(row_time_us(kConstants, bare, 5e5, RowOrder::stream) == Approx(2 + 1000));
  RowConstants none = kConstants;
  none.cached_gb_per_s = 0;
  CHECK(row_time_us(none, kDevice, 5e5, RowOrder::stream) == Approx(2 + 1000));
}

TEST_CASE("more rows never take less time", "[kernels]") {
  for (const RowOrder order : {RowOrder::stream, RowOrder::scatter, RowOrder::permute}) {
    double before = 0;
    for (double bytes = 0; bytes < 3e6; bytes += 1e4) {
      const double now = us(bytes, order);
      CHECK(now > before);
      before = now;
    }
  }
}

}  // namespace moesim
