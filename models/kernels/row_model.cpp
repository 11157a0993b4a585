#include "models/kernels/row_model.hpp"

#include <array>

namespace moesim {

std::span<const Constant<RowConstants>> row_constants() {
  using C = RowConstants;
  static constexpr std::array<Constant<C>, 3> kTable{{
      {"launch_us", "from the end of the kernel before to the first work", &C::launch_us, 0.1, 50},
      {"stream_fraction", "of the data sheet's HBM bandwidth, rows in order", &C::stream_fraction, 0.05, 1},
      {"scatter_fraction", "of it, rows picked by index", &C::scatter_fraction, 0.05, 1},
  }};
  return kTable;
}

double row_time_us(const RowConstants& constants, const Device& device, double bytes, bool scattered) {
  const double fraction = scattered ? constants.scatter_fraction : constants.stream_fraction;
  return constants.launch_us + bytes / (device.memory.bytes_per_s() * 1e-6 * fraction);
}

}  // namespace moesim
