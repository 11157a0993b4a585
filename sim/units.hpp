#pragma once

#include <cmath>
#include <compare>
#include <cstdint>

#include "sim/check.hpp"

namespace moesim {

// Time since the start of a simulation, or a span of it. 2^63 ps are 106 days, a hundred times the longest step.
struct Picoseconds {
  std::int64_t count = 0;

  static constexpr Picoseconds zero() { return {0}; }
  static constexpr Picoseconds max() { return {INT64_MAX}; }
  // Rounds up, as every rounding of time here: what takes any time is not over before it is. What lies above a whole
  // number by no more than the error of the arithmetic that led to it counts as that number (relative 2^-51).
  static Picoseconds from_seconds(double seconds);
  static Picoseconds from_us(double microseconds) { return from_seconds(microseconds * 1e-6); }
  constexpr double seconds() const { return static_cast<double>(count) * 1e-12; }
  constexpr double us() const { return static_cast<double>(count) * 1e-6; }

  friend constexpr auto operator<=>(Picoseconds, Picoseconds) = default;
  // A sum that does not fit is a TimeRangeError, in from_seconds() too.
  friend constexpr Picoseconds operator+(Picoseconds a, Picoseconds b) {
    if (__builtin_add_overflow(a.count, b.count, &a.count)) throw TimeRangeError();
    return a;
  }
  friend constexpr Picoseconds operator-(Picoseconds a, Picoseconds b) { return {a.count - b.count}; }
  constexpr Picoseconds& operator+=(Picoseconds other) { return *this = *this + other; }
  constexpr Picoseconds& operator-=(Picoseconds other) { return count -= other.count, *this; }
};

inline Picoseconds Picoseconds::from_seconds(double seconds) {
  const double ps = std::ceil(seconds * 1e12 * (1 - 0x1p-51));
  MOESIM_CHECK(seconds >= 0, "a span of {} s", seconds);
  if (ps >= 9.2e18) throw TimeRangeError();
  return {static_cast<std::int64_t>(ps)};
}

struct Bytes {
  std::int64_t count = 0;

  friend constexpr auto operator<=>(Bytes, Bytes) = default;
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }
  friend constexpr Bytes operator*(std::int64_t n, Bytes b) { return {n * b.count}; }
  constexpr Bytes& operator+=(Bytes other) { return count += other.count, *this; }
};

// One direction of a link, or of a memory. Decimal: 1 GB/s is 1e9 bytes a second. Built by name, so that a bit cannot
// pass for a byte.
class Bandwidth {
 public:
  constexpr Bandwidth() = default;
  static constexpr Bandwidth bytes_per_s(double x) { return Bandwidth{x}; }
  static constexpr Bandwidth gbyte_per_s(double x) { return Bandwidth{x * 1e9}; }
  static constexpr Bandwidth gbit_per_s(double x) { return Bandwidth{x * 1e9 / 8}; }
  constexpr double bytes_per_s() const { return bytes_per_s_; }
  constexpr double gbyte_per_s() const { return bytes_per_s_ * 1e-9; }
  friend constexpr auto operator<=>(Bandwidth, Bandwidth) = default;
  friend constexpr Bandwidth operator*(double n, Bandwidth b) { return Bandwidth{n * b.bytes_per_s_}; }

 private:
  constexpr explicit Bandwidth(double b) : bytes_per_s_(b) {}
  double bytes_per_s_ = 0;
};

// Floating-point operations; one multiply-add is 2.
class FlopRate {
 public:
  constexpr FlopRate() = default;
  static constexpr FlopRate flop_per_s(double x) { return FlopRate{x}; }
  static constexpr FlopRate tflop_per_s(double x) { return FlopRate{x * 1e12}; }
  constexpr double flop_per_s() const { return flop_per_s_; }
  constexpr double tflop_per_s() const { return flop_per_s_ * 1e-12; }
  friend constexpr auto operator<=>(FlopRate, FlopRate) = default;
  friend constexpr FlopRate operator*(double n, FlopRate r) { return FlopRate{n * r.flop_per_s_}; }

 private:
  constexpr explicit FlopRate(double r) : flop_per_s_(r) {}
  double flop_per_s_ = 0;
};

// Rounds up: the last byte must have arrived.
inline Picoseconds operator/(Bytes size, Bandwidth rate) {
  MOESIM_CHECK(rate.bytes_per_s() > 0, "{} bytes at {} B/s", size.count, rate.bytes_per_s());
  return Picoseconds::from_seconds(static_cast<double>(size.count) / rate.bytes_per_s());
}

}  // namespace moesim
