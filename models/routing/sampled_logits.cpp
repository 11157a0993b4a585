#include <cmath>
#include <vector>

#include "models/routing/logit_source.hpp"

namespace moesim {
namespace {

class SampledLogits final : public LogitSource {
 public:
  SampledLogits(std::span<const double> popularity, bool noisy) : noisy_(noisy) {
    for (const double p : popularity) log_popularity_.push_back(static_cast<float>(std::log(p)));
  }

  void append(std::size_t tokens, detail::TokenRandom& random, LogitBlock& block) const override {
    const std::size_t experts = log_popularity_.size();
    block.experts = static_cast<int>(experts);
    std::size_t at = block.logits.size();
    block.logits.resize(at + tokens * experts);
    for (std::size_t token = 0; token < tokens; ++token, at += experts) {
      float* row = block.logits.data() + at;
      for (std::size_t e = 0; e < experts; ++e) row[e] = random.exponential();
      for (std::size_t e = 0; e < experts; ++e) row[e] = log_popularity_[e] - detail::fast_log(row[e]);
    }
    if (!noisy_) return;
    for (std::size_t i = block.noise_logits.size(); i < block.logits.size(); ++i) {
      block.noise_logits.push_back(random.normal());
    }
  }

 private:
  bool noisy_;
  std::vector<float> log_popularity_;
};

}  // namespace

std::unique_ptr<LogitSource> make_sampled_logits(const RouterSpec& router, std::span<const double> popularity) {
  return std::make_unique<SampledLogits>(popularity, router.kind == RoutingKind::noisy_top_k);
}

}  // namespace moesim
