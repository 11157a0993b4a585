#include "models/routing/dynamics/token_mixture.hpp"

#include <algorithm>
#include <cmath>

#include "models/routing/dynamics/lab_streams.hpp"
#include "sim/rng.hpp"

namespace moesim::detail {
namespace {

Eigen::MatrixXd unit_rows(Eigen::Index rows, Eigen::Index columns, Rng& rng) {
  Eigen::MatrixXd result = gaussian(rows, columns, 1, rng);
  result.rowwise().normalize();
  return result;
}

}  // namespace

TokenMixture::TokenMixture(const TokenMixtureSpec& spec, int hidden, std::uint64_t seed) : spec_(spec), seed_(seed) {
  Rng rng(seed, lab_stream(LabStream::mixture));
  common_ = unit_rows(1, hidden, rng);
  common_answer_ = unit_rows(1, hidden, rng);
  centres_ = unit_rows(spec.domains, hidden, rng);
  answers_ = unit_rows(spec.domains, hidden, rng);
  turns_ = unit_rows(spec.domains, hidden, rng);
  for (Eigen::Index z = 0; z < spec.domains; ++z) {
    turns_.row(z) -= turns_.row(z).dot(centres_.row(z)) * centres_.row(z);
    turns_.row(z).normalize();
  }
  double sum = 0;
  for (int z = 0; z < spec.domains; ++z) {
    popularity_.push_back(std::pow(z + 1.0, -spec.zipf_exponent));
    sum += popularity_.back();
  }
  for (double& p : popularity_) p /= sum;
}

TokenBatch TokenMixture::batch(int step, int tokens) const {
  Rng rng(seed_, lab_stream(LabStream::tokens, step));
  const Eigen::Index hidden = centres_.cols();
  TokenBatch batch{Eigen::MatrixXd(tokens, hidden), Eigen::MatrixXd(tokens, hidden), {}};
  std::vector<double> below;  // Chance of a domain up to this one.
  double sum = 0;
  for (const double p : popularity_) below.push_back(sum += p);
  const double angle = spec_.drift_radians_per_step * step;
  const Eigen::MatrixXd centres = std::cos(angle) * centres_ + std::sin(angle) * turns_;
  for (Eigen::Index t = 0; t < tokens; ++t) {
    const auto found = std::upper_bound(below.begin(), below.end(), rng.uniform());
    const auto domain =
        std::min<std::ptrdiff_t>(found - below.begin(), spec_.domains - 1);  // The sum may round below 1.
    batch.domains.push_back(static_cast<int>(domain));
    batch.tokens.row(t) = spec_.common * common_ + centres.row(domain) +
                          gaussian(1, hidden, spec_.spread / std::sqrt(static_cast<double>(hidden)), rng);
    batch.answers.row(t) = spec_.common * common_answer_ + answers_.row(domain);
  }
  return batch;
}

}  // namespace moesim::detail
