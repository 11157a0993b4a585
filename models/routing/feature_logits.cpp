#include <cmath>

#include <Eigen/Core>
#include <Eigen/QR>

#include "models/routing/logit_source.hpp"
#include "models/routing/streams.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class FeatureLogits final : public LogitSource {
 public:
  FeatureLogits(std::span<const double> popularity, bool noisy, std::uint64_t seed)
      : experts_(static_cast<Eigen::Index>(popularity.size())), noisy_(noisy), log_popularity_(experts_) {
    for (Eigen::Index e = 0; e < experts_; ++e) {
      log_popularity_[e] = static_cast<float>(std::log(popularity[static_cast<std::size_t>(e)]));
    }
    const Eigen::Index features = (noisy ? 2 : 1) * experts_ + kOtherFeatures;
    Rng rng(seed, detail::stream_of(detail::StreamUse::gate_matrix));
    Matrix gaussian(features, features);
    for (Eigen::Index i = 0; i < gaussian.size(); ++i) gaussian.data()[i] = static_cast<float>(rng.normal());
    basis_ = gaussian.householderQr().householderQ() * Matrix::Identity(features, features);
  }

  void append(std::size_t tokens, detail::TokenRandom& random, LogitBlock& block) const override {
    block.experts = static_cast<int>(experts_);
    const auto rows = static_cast<Eigen::Index>(tokens);
    const Matrix x = features(rows, random);
    const auto gate = basis_.leftCols(experts_);
    Matrix logits = x * gate;
    logits.rowwise() += log_popularity_;
    block.logits.insert(block.logits.end(), logits.data(), logits.data() + logits.size());
    if (!noisy_) return;
    const Matrix noise = x * basis_.middleCols(experts_, experts_);
    block.noise_logits.insert(block.noise_logits.end(), noise.data(), noise.data() + noise.size());
  }

 private:
  // Directions that no column of W_g or W_noise sees, as in a model whose hidden size is above its number of experts.
  static constexpr Eigen::Index kOtherFeatures = 64;

  Matrix features(Eigen::Index tokens, detail::TokenRandom& random) const {
    Matrix coordinates(tokens, basis_.cols());
    for (Eigen::Index t = 0; t < tokens; ++t) {
      for (Eigen::Index i = 0; i < basis_.cols(); ++i) {
        coordinates(t, i) = i < experts_ ? -std::log(random.exponential()) : random.normal();
      }
    }
    return coordinates * basis_.transpose();
  }

  Eigen::Index experts_;
  bool noisy_;
  Eigen::RowVectorXf log_popularity_;
  Matrix basis_;  // [features, features], orthogonal: W_g, then W_noise if noisy, then the rest.
};

}  // namespace

std::unique_ptr<LogitSource> make_feature_logits(const RouterSpec& router, std::span<const double> popularity,
                                                 std::uint64_t seed) {
  return std::make_unique<FeatureLogits>(popularity, router.kind == RoutingKind::noisy_top_k, seed);
}

}  // namespace moesim
