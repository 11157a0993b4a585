#pragma once

#include <cstdint>

namespace moesim {

// Counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// The n-th number is a function of (seed, stream, n) alone, so that a token's draws do not depend on which thread, in
// which order, drew for the other tokens. The distributions are ours: those of <random> differ between libraries.
class Rng {
 public:
  Rng(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t next_u64();
  std::uint32_t next_u32();
  double uniform();                              // In [0, 1), 53 bits.
  double uniform_positive();                     // In (0, 1]: safe to take the logarithm of.
  std::uint32_t below(std::uint32_t n);          // Uniform in [0, n) without bias; n > 0.
  double exponential();                          // Mean 1.
  double normal();                               // Mean 0, variance 1.
};

}  // namespace moesim
