#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "sim/check.hpp"

namespace moesim {

// One block of Philox4x32-10: 128 random bits that are a function of a 128-bit counter and a 64-bit key, low words
// first (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// Random numbers that are counted, not remembered: the n-th word is a function of (seed, stream, n) alone, so that a
// token's draws do not depend on which thread, in which order, drew for the other tokens. One stream holds 2^66 words
// of 32 bits, and there are 2^64 streams. The distributions are ours: those of <random> differ between libraries.
// Each draw says how many words it takes, so that two streams of draws can be kept in step.
class Rng {
 public:
  Rng(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  // Makes word n of the stream the next one, counted from 0.
  void seek(std::uint64_t word);

  std::uint32_t next_u32() {  // 1 word.
    if (used_ == kBlockWords) [[unlikely]]
      refill();
    return words_[used_++];
  }

  std::uint64_t next_u64() {  // 2 words, the low half first.
    if (used_ + 2 <= kBlockWords) [[likely]] {
      const std::uint64_t low = words_[used_];
      const std::uint64_t high = words_[used_ + 1];
      used_ += 2;
      return high << 32 | low;
    }
    const std::uint64_t low = next_u32();
    return std::uint64_t{next_u32()} << 32 | low;
  }

  // In [0, 1), a multiple of 2^-53. 2 words.
  double uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

  // In (0, 1]: safe to take the logarithm of. 2 words.
  double uniform_positive() { return static_cast<double>((next_u64() >> 11) + 1) * 0x1p-53; }

  // Uniform in [0, n) without bias; n > 0. 1 word, rarely more (Lemire, "Fast random integer generation in an
  // interval", ACM TOMACS 29, 2019).
  std::uint32_t below(std::uint32_t n) {
    MOESIM_DCHECK(n > 0, "no number lies below 0");
    std::uint64_t product = std::uint64_t{next_u32()} * n;
    if (static_cast<std::uint32_t>(product) < n) [[unlikely]] {
      const std::uint32_t biased = (0U - n) % n;
      while (static_cast<std::uint32_t>(product) < biased) product = std::uint64_t{next_u32()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  // Mean 1, by inversion. 2 words.
  double exponential() { return -std::log(uniform_positive()); }

  // Mean 0, variance 1, by inversion. 2 words.
  double normal();

 private:
  static constexpr std::uint32_t kBlockWords = 4;

  void refill();

  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t block_ = 0;  // The block after the one in words_.
  std::array<std::uint32_t, kBlockWords> words_{};
  std::uint32_t used_ = kBlockWords;
};

// The x below which a standard normal variable lies with probability p, 0 < p < 1; relative error about 1e-16
// (Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37, 1988).
double normal_quantile(double p);

}  // namespace moesim
