#include "models/exchange/library.hpp"

#include <algorithm>
#include <array>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr double kMostUs = 10'000;
constexpr double kMostGbPerS = 100'000;

constexpr std::array<LibraryConstantInfo, 9> kConstants{{
    {"launch_us", "from the call to the first byte, and from the last byte to the end", 0, kMostUs},
    {"combine_floor_us", "what lies between is not less, in a combine", 0, kMostUs},
    {"signal_us", "a signal to another node (two_hop), to an expert of another node (low_latency)", 0, kMostUs},
    {"copy_gb_per_s_per_sm", "copies that one multiprocessor writes", 0.001, kMostGbPerS},
    {"scale_up_efficiency", "part of what the cluster's scale-up links achieve that its kernels use", 0.01, 1},
    {"scale_out_efficiency", "the same of the NICs and what is behind them", 0.01, 1},
    {"local_copy_gb_per_s", "copies inside a rank's own memory, by the multiprocessors that send", 0.001, kMostGbPerS},
    {"eager_launch_us", "in place of launch_us, for messages short enough to be over before it", 0, kMostUs},
    {"eager_gb_per_s", "of one such message", 0.001, kMostGbPerS},
}};

}  // namespace

std::span<const LibraryConstantInfo> library_constants() { return kConstants; }

std::optional<double> ExchangeLibrary::constant(std::string_view wanted) const {
  const auto found = std::find_if(constants.begin(), constants.end(),
                                  [&](const LibraryConstant& constant) { return constant.name == wanted; });
  if (found == constants.end()) return std::nullopt;
  return found->value;
}

bool ExchangeLibrary::uses_multiprocessors() const { return constant("copy_gb_per_s_per_sm").has_value(); }

void apply_library(const ExchangeLibrary& library, ExchangeDirection direction, int multiprocessors,
                   ExchangeOptions& options) {
  options.launch = Picoseconds::from_us(library.constant_or("launch_us", 0));
  options.signal = Picoseconds::from_us(library.constant_or("signal_us", 0));
  if (direction == ExchangeDirection::combine) {
    options.least_transfer = Picoseconds::from_us(library.constant_or("combine_floor_us", 0));
  }
  if (const auto rate = library.constant("copy_gb_per_s_per_sm")) {
    MOESIM_CHECK(multiprocessors > 0, "{} on no multiprocessor", library.name);
    options.copy_rate = Bandwidth::gbyte_per_s(*rate * multiprocessors);
  }
  if (const auto local = library.constant("local_copy_gb_per_s")) {
    options.local_copy_rate = Bandwidth::gbyte_per_s(*local);
  }
  const auto launch = library.constant("eager_launch_us");
  const auto rate = library.constant("eager_gb_per_s");
  if (launch && rate) options.eager = {Picoseconds::from_us(*launch), Bandwidth::gbyte_per_s(*rate)};
}

}  // namespace moesim
