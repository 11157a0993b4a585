#include "models/routing/token_random.hpp"

#include <cmath>
#include <numbers>

#include "sim/rng.hpp"

namespace moesim::detail {

TokenRandom::TokenRandom(std::uint64_t seed, std::uint64_t stream) {
  Rng rng(seed, stream);
  for (std::uint64_t& word : state_) word = rng.next_u64();
  state_[0] |= 1;  // The all-zero state is the one from which the generator never leaves.
}

void TokenRandom::refill() {
  for (std::size_t i = 0; i < kBuffer; i += 2) {
    const std::uint64_t word = bits();
    exponentials_[i] = to_uniform(static_cast<std::uint32_t>(word >> 32));
    exponentials_[i + 1] = to_uniform(static_cast<std::uint32_t>(word));
  }
  for (float& x : exponentials_) x = -fast_log(x);
  next_ = 0;
}

float TokenRandom::normal() {
  if (spare_normal_) {
    const float spare = *spare_normal_;
    spare_normal_.reset();
    return spare;
  }
  const float radius = std::sqrt(2 * exponential());  // Box and Muller: the radius is that of -2 ln u.
  const float angle = 2 * std::numbers::pi_v<float> * uniform();
  spare_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

}  // namespace moesim::detail
