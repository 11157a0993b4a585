#pragma once

#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace moesim {

// A broken promise inside moesim: a bug of ours, never a mistake in the input. The program reports it and exits with 1.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// A simulated time that 63 bits of picoseconds (106 days) cannot hold: what was asked for is too slow, or too much.
class TimeRangeError : public std::range_error {
 public:
  TimeRangeError() : std::range_error("a simulated time of more than 106 days") {}
};

namespace detail {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line, const std::string& detail) {
  throw InternalError(
      fmt::format("{}:{}: {} does not hold{}{}", file, line, condition, detail.empty() ? "" : ": ", detail));
}

}  // namespace detail
}  // namespace moesim

// States what must hold, in every build. What follows the condition is a fmt format with the operands' values:
//   MOESIM_CHECK(flow.remaining >= 0, "flow {} has {} bytes left", id, flow.remaining);
#define MOESIM_CHECK(condition, ...)                                                                 \
  do {                                                                                               \
    if (!(condition)) [[unlikely]] {                                                                 \
      ::moesim::detail::check_failed(#condition, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
    }                                                                                                \
  } while (false)

// The same for inner loops: only in builds without NDEBUG.
#ifdef NDEBUG
#define MOESIM_DCHECK(condition, ...) static_cast<void>(0)
#else
#define MOESIM_DCHECK(condition, ...) MOESIM_CHECK(condition, __VA_ARGS__)
#endif
