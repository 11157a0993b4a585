// Noisy top-k: the top-k of H = x W_g + eps * softplus(x W_noise), eps standard normal for each token and expert; the
// weights come from H too. Shazeer et al., "Outrageously Large Neural Networks" (2017), equations 3 to 5.
#include <algorithm>
#include <cmath>

#include "models/routing/policies/policies.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

class NoisyTopK final : public RoutingPolicy {
 public:
  explicit NoisyTopK(const RouterSpec& router) : top_k_(make_top_k(router)) {}

  void choose(const LogitBlock& logits, detail::TokenRandom& random, Choices& choices) const override {
    MOESIM_CHECK(logits.noise_logits.size() == logits.logits.size(), "{} noise logits for {}",
                 logits.noise_logits.size(), logits.logits.size());
    LogitBlock noisy{.experts = logits.experts, .logits = logits.logits, .noise_logits = {}};
    for (std::size_t i = 0; i < noisy.logits.size(); ++i) {
      noisy.logits[i] += random.normal() * softplus(logits.noise_logits[i]);
    }
    top_k_->choose(noisy, random, choices);
  }

 private:
  static float softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

  std::unique_ptr<RoutingPolicy> top_k_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_noisy_top_k(const RouterSpec& router) {
  return std::make_unique<NoisyTopK>(router);
}

}  // namespace moesim
