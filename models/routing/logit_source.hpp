#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "models/routing/choices.hpp"
#include "models/routing/router_spec.hpp"
#include "models/routing/token_random.hpp"

namespace moesim {

// Where the logits of a batch come from. Both sources have one distribution: logit = ln p[expert] + Gumbel noise and,
// for noisy_top_k, noise logit standard normal, independent over tokens and experts.
class LogitSource {
 public:
  virtual ~LogitSource() = default;
  // Appends `tokens` rows to `block`.
  virtual void append(std::size_t tokens, detail::TokenRandom& random, LogitBlock& block) const = 0;
};

// Draws the logits themselves.
std::unique_ptr<LogitSource> make_sampled_logits(const RouterSpec& router, std::span<const double> popularity);

// Computes them: logits [tokens, N] = x [tokens, f] * W_g [f, N] + ln p (and noise logits = x * W_noise). The columns
// of W_g and W_noise are orthonormal, from the QR decomposition of a seeded Gaussian matrix; the features are token
// coordinates in that rotated basis, Gumbel along W_g and Gaussian along all else.
std::unique_ptr<LogitSource> make_feature_logits(const RouterSpec& router, std::span<const double> popularity,
                                                 std::uint64_t seed);

}  // namespace moesim
