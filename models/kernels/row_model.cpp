#include "models/kernels/row_model.hpp"

#include <algorithm>
#include <array>

namespace moesim {

std::span<const Constant<RowConstants>> row_constants() {
  using C = RowConstants;
  static constexpr std::array<Constant<C>, 5> kTable{{
      {"launch_us", "from the end of the kernel before to the first work", &C::launch_us, 0.1, 50},
      {"count_us", "of counting and summing what goes to each expert, before rows are permuted", &C::count_us, 0, 100},
      {"stream_fraction", "of the data sheet's HBM bandwidth, rows in order", &C::stream_fraction, 0.05, 1},
      {"scatter_fraction", "of it, rows picked by index", &C::scatter_fraction, 0.05, 1},
      {"cached_gb_per_s", "of rows that are in the L2 cache", &C::cached_gb_per_s, 100, 50000},
  }};
  return kTable;
}

double row_time_us(const RowConstants& constants, const Device& device, double bytes, RowOrder order) {
  const double fraction = order == RowOrder::stream ? constants.stream_fraction : constants.scatter_fraction;
  const double cache = static_cast<double>(device.l2_cache.count);
  const double cached =
      cache > 0 && constants.cached_gb_per_s > 0 ? bytes * std::clamp(2 - 2 * bytes / cache, 0.0, 1.0) : 0;
  return constants.launch_us + (order == RowOrder::permute ? constants.count_us : 0) +
         (bytes - cached) / (device.memory.bytes_per_s() * 1e-6 * fraction) +
         (cached > 0 ? cached / (constants.cached_gb_per_s * 1e3) : 0);
}

}  // namespace moesim
