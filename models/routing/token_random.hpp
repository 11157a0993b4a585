#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>

namespace moesim::detail {

// Natural logarithm of a positive normal float, to about 1e-7 relative: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
// ln m = 2 atanh((m - 1) / (m + 1)) as a series. Without branches, so that loops over it become vector code.
inline float fast_log(float x) {
  constexpr std::int32_t kOne = 0x3f800000;
  constexpr std::int32_t kSqrtHalf = 0x3f3504f3;
  const std::int32_t shifted = std::bit_cast<std::int32_t>(x) + (kOne - kSqrtHalf);
  const float exponent = static_cast<float>((shifted >> 23) - 127);
  const float m = std::bit_cast<float>((shifted & 0x007fffff) + kSqrtHalf);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float z = s * s;
  const float series = 1.0f + z * (1.0f / 3 + z * (1.0f / 5 + z * (1.0f / 7 + z * (1.0f / 9))));
  return exponent * 0.693147180559945f + 2.0f * s * series;
}

// Random numbers for the tokens of one block, cheap enough for billions of draws: xoshiro256++ (Blackman and Vigna,
// "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021), started from Rng(seed, stream).
class TokenRandom {
 public:
  TokenRandom(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t bits() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  float uniform() { return to_uniform(static_cast<std::uint32_t>(bits() >> 32)); }  // In (0, 1), never an end.
  // Mean 1; never 0, so that 1 / exponential() is finite.
  float exponential() {
    if (next_ == kBuffer) refill();
    return exponentials_[next_++];
  }
  // So many of them at once, at most kMostAtOnce; valid until the next draw. What is too short for them is skipped.
  static constexpr std::size_t kMostAtOnce = 64;
  std::span<const float> exponentials(std::size_t count) {
    if (next_ + count > kBuffer) refill();
    next_ += count;
    return std::span(exponentials_).subspan(next_ - count, count);
  }
  float normal();  // Mean 0, variance 1.

 private:
  static constexpr std::size_t kBuffer = 128;

  // 23 bits and a half: exact in a float, and neither 0 nor 1.
  static float to_uniform(std::uint32_t word) {
    return (static_cast<float>(static_cast<std::int32_t>(word >> 9)) + 0.5f) * 0x1p-23f;
  }
  void refill();

  std::array<std::uint64_t, 4> state_;
  std::array<float, kBuffer> exponentials_;
  std::size_t next_ = kBuffer;
  std::optional<float> spare_normal_;
};

}  // namespace moesim::detail
