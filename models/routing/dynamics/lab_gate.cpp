#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/dynamics/lab_layer.hpp"
#include "models/routing/dynamics/lab_streams.hpp"
#include "sim/rng.hpp"

namespace moesim::detail {
namespace {

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// One row a token.
Eigen::MatrixXd scores_of(Scoring scoring, const Eigen::MatrixXd& logits) {
  if (scoring == Scoring::sigmoid) return (1 + (-logits.array()).exp()).inverse();
  Eigen::MatrixXd scores = (logits.colwise() - logits.rowwise().maxCoeff()).array().exp();
  scores.array().colwise() /= scores.rowwise().sum().array();
  return scores;
}

}  // namespace

GateState gate_state(const LabSpec& spec, const BalanceSpec& balance, const LabWeights& weights,
                     const Eigen::MatrixXd& tokens, int step) {
  GateState state;
  state.logits = tokens * weights.gate;
  if (balance.exploration == Exploration::noisy_top_k) {
    Rng rng(spec.seed, lab_stream(LabStream::noise, step));
    state.raw_noise = tokens * weights.noise;
    state.normal = gaussian(tokens.rows(), spec.experts, balance.noise_scale, rng);
    state.logits += state.normal.cwiseProduct(state.raw_noise.unaryExpr(&softplus));
  }
  state.scores = scores_of(spec.scoring, state.logits);
  return state;
}

std::vector<int> choose_experts(const LabSpec& spec, const BalanceSpec& balance, const GateState& state,
                                const Eigen::VectorXd& bias, int step) {
  Eigen::MatrixXd merit = state.scores;
  if (balance.exploration == Exploration::gumbel) {
    Rng rng(spec.seed, lab_stream(LabStream::noise, step));
    merit = state.logits;
    for (Eigen::Index t = 0; t < merit.rows(); ++t) {
      for (Eigen::Index e = 0; e < merit.cols(); ++e) merit(t, e) -= balance.noise_scale * std::log(rng.exponential());
    }
    merit = scores_of(spec.scoring, merit);
  }
  merit.rowwise() += bias.transpose();
  std::vector<int> choices;
  std::vector<int> order(static_cast<std::size_t>(spec.experts));
  for (Eigen::Index t = 0; t < merit.rows(); ++t) {
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + spec.top_k, order.end(),
                      [&](int a, int b) { return merit(t, a) != merit(t, b) ? merit(t, a) > merit(t, b) : a < b; });
    choices.insert(choices.end(), order.begin(), order.begin() + spec.top_k);
  }
  return choices;
}

}  // namespace moesim::detail
