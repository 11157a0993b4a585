#include "models/routing/dynamics/lab_layer.hpp"

#include <cmath>

#include "models/routing/dynamics/lab_streams.hpp"
#include "sim/rng.hpp"

namespace moesim::detail {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

LabExpert first_expert(const LabSpec& spec, Rng& rng) {
  // Variance-preserving through the relu (He et al. 2015) on the way up, small on the way down, so that an expert's
  // first output is small against its answer.
  return {gaussian(spec.hidden, spec.expert_width, std::sqrt(2.0 / spec.hidden), rng),
          gaussian(spec.expert_width, spec.hidden, 0.1 / std::sqrt(static_cast<double>(spec.hidden)), rng)};
}

// One expert on the tokens that it was given.
struct Activations {
  MatrixXd hidden;  // relu(x U), [rows, width]
  MatrixXd output;  // [rows, hidden]
};

Activations forward(const LabExpert& expert, const MatrixXd& tokens) {
  MatrixXd hidden = (tokens * expert.up).cwiseMax(0.0);
  MatrixXd output = hidden * expert.down;
  return {std::move(hidden), std::move(output)};
}

void add_backward(const LabExpert& expert, const MatrixXd& tokens, const Activations& saved, const MatrixXd& by_output,
                  LabExpert& gradient) {
  gradient.down += saved.hidden.transpose() * by_output;
  const MatrixXd by_hidden =
      ((by_output * expert.down.transpose()).array() * (saved.hidden.array() > 0).cast<double>()).matrix();
  gradient.up += tokens.transpose() * by_hidden;
}

// The (token, place) pairs of each expert, in the order of the tokens.
std::vector<std::vector<Index>> places_of_experts(const std::vector<int>& choices, int experts) {
  std::vector<std::vector<Index>> places(static_cast<std::size_t>(experts));
  for (std::size_t i = 0; i < choices.size(); ++i) {
    places[static_cast<std::size_t>(choices[i])].push_back(static_cast<Index>(i));
  }
  return places;
}

// k times the share of the scores, [T * k] in the order of the choices.
Eigen::VectorXd weights_of_choices(const LabSpec& spec, const GateState& state, const std::vector<int>& choices) {
  const Index k = spec.top_k;
  Eigen::VectorXd weights(static_cast<Index>(choices.size()));
  for (Index t = 0; t < state.scores.rows(); ++t) {
    double sum = 0;
    for (Index i = t * k; i < (t + 1) * k; ++i) {
      weights[i] = state.scores(t, choices[static_cast<std::size_t>(i)]);
      sum += weights[i];
    }
    weights.segment(t * k, k) *= static_cast<double>(k) / (spec.scoring == Scoring::softmax ? 1.0 : sum);
  }
  return weights;
}

// Of the task by the scores' logits, from that by the weights, [T * k].
MatrixXd task_by_logits(const LabSpec& spec, const GateState& state, const std::vector<int>& choices,
                        const Eigen::VectorXd& weights, const Eigen::VectorXd& by_weight) {
  const Index k = spec.top_k;
  MatrixXd result = MatrixXd::Zero(state.scores.rows(), spec.experts);
  for (Index t = 0; t < state.scores.rows(); ++t) {
    double mean = 0;  // Sum of weight * by_weight.
    for (Index i = t * k; i < (t + 1) * k; ++i) mean += weights[i] * by_weight[i];
    for (Index i = t * k; i < (t + 1) * k; ++i) {
      const Index e = choices[static_cast<std::size_t>(i)];
      switch (spec.scoring) {
        case Scoring::softmax:
          result(t, e) += weights[i] * by_weight[i];
          break;
        case Scoring::softmax_topk:
          result(t, e) += weights[i] * (by_weight[i] - mean / static_cast<double>(k));
          break;
        case Scoring::sigmoid:
          result(t, e) += weights[i] * (by_weight[i] - mean / static_cast<double>(k)) * (1 - state.scores(t, e));
          break;
      }
    }
    if (spec.scoring == Scoring::softmax) result.row(t) -= mean * state.scores.row(t);
  }
  return result;
}

double logsumexp(const Eigen::RowVectorXd& logits) {
  const double most = logits.maxCoeff();
  return most + std::log((logits.array() - most).exp().sum());
}

// The auxiliary loss and the z-loss, and their gradient by the logits.
void add_balance_losses(const LabSpec& spec, const BalanceSpec& balance, const GateState& state,
                        const std::vector<int>& choices, LabLoss& loss, MatrixXd& by_logits) {
  const auto tokens = static_cast<double>(state.scores.rows());
  Eigen::RowVectorXd share = Eigen::RowVectorXd::Zero(spec.experts);  // f
  for (const int expert : choices) share[expert] += 1.0 / static_cast<double>(choices.size());
  const double alpha = balance.auxiliary_loss * spec.experts;
  for (Index t = 0; t < state.scores.rows(); ++t) {
    const Eigen::RowVectorXd score = state.scores.row(t);
    const Eigen::RowVectorXd mass = score / score.sum();  // This token's part of P.
    const double mean = share.dot(mass);
    loss.auxiliary += alpha * mean / tokens;
    Eigen::RowVectorXd change = mass.array() * (share.array() - mean);
    if (spec.scoring == Scoring::sigmoid) change.array() *= 1 - score.array();
    by_logits.row(t) += alpha / tokens * change;
    if (balance.z_loss == 0) continue;
    const Eigen::RowVectorXd logits = state.logits.row(t);
    const double log_sum = logsumexp(logits);
    loss.z += balance.z_loss * log_sum * log_sum / tokens;
    by_logits.row(t) += (2 * balance.z_loss * log_sum / tokens * (logits.array() - log_sum).exp()).matrix();
  }
}

}  // namespace

LabWeights LabWeights::first(const LabSpec& spec, const BalanceSpec& balance) {
  Rng rng(spec.seed, lab_stream(LabStream::weights));
  LabWeights weights;
  weights.gate =
      gaussian(spec.hidden, spec.experts, spec.gate_deviation / std::sqrt(static_cast<double>(spec.hidden)), rng);
  for (int e = 0; e < spec.experts; ++e) weights.experts.push_back(first_expert(spec, rng));
  for (int e = 0; e < spec.shared_experts; ++e) weights.shared.push_back(first_expert(spec, rng));
  if (balance.exploration == Exploration::noisy_top_k) {
    weights.noise = MatrixXd::Zero(spec.hidden, spec.experts);  // As in Shazeer et al. 2017: the first noise is ln 2.
  }
  return weights;
}

LabWeights LabWeights::zeros() const {
  const auto cleared = [](std::vector<LabExpert> all) {
    for (LabExpert& expert : all) {
      expert.up.setZero();
      expert.down.setZero();
    }
    return all;
  };
  return {MatrixXd::Zero(gate.rows(), gate.cols()), MatrixXd::Zero(noise.rows(), noise.cols()), cleared(experts),
          cleared(shared)};
}

bool LabWeights::finite() const {
  bool all = gate.allFinite() && noise.allFinite();
  for (const LabExpert& expert : experts) all = all && expert.up.allFinite() && expert.down.allFinite();
  for (const LabExpert& expert : shared) all = all && expert.up.allFinite() && expert.down.allFinite();
  return all;
}

LabLoss lab_loss(const LabSpec& spec, const BalanceSpec& balance, const LabWeights& weights, const TokenBatch& batch,
                 const GateState& state, const std::vector<int>& choices, LabWeights* gradient) {
  const Index k = spec.top_k;
  const auto tokens = static_cast<double>(batch.tokens.rows());
  const Eigen::VectorXd weight = weights_of_choices(spec, state, choices);
  const auto places = places_of_experts(choices, spec.experts);

  LabLoss loss;
  loss.outputs = MatrixXd::Zero(batch.tokens.rows(), spec.hidden);
  std::vector<MatrixXd> inputs(places.size());
  std::vector<Activations> routed(places.size());
  for (std::size_t e = 0; e < places.size(); ++e) {
    const auto rows = static_cast<Index>(places[e].size());
    inputs[e].resize(rows, spec.hidden);
    for (Index row = 0; row < rows; ++row)
      inputs[e].row(row) = batch.tokens.row(places[e][static_cast<std::size_t>(row)] / k);
    routed[e] = forward(weights.experts[e], inputs[e]);
    for (Index row = 0; row < rows; ++row) {
      const Index place = places[e][static_cast<std::size_t>(row)];
      loss.outputs.row(place / k) += weight[place] * routed[e].output.row(row);
    }
  }
  std::vector<Activations> always;
  for (const LabExpert& expert : weights.shared) {
    always.push_back(forward(expert, batch.tokens));
    loss.outputs += always.back().output;
  }
  const MatrixXd by_output = (loss.outputs - batch.answers) / tokens;
  loss.task = 0.5 * tokens * by_output.squaredNorm();

  Eigen::VectorXd by_weight(weight.size());
  for (std::size_t e = 0; e < places.size(); ++e) {
    MatrixXd by_expert(inputs[e].rows(), spec.hidden);
    for (Index row = 0; row < by_expert.rows(); ++row) {
      const Index place = places[e][static_cast<std::size_t>(row)];
      by_weight[place] = by_output.row(place / k).dot(routed[e].output.row(row));
      by_expert.row(row) = weight[place] * by_output.row(place / k);
    }
    if (gradient != nullptr) add_backward(weights.experts[e], inputs[e], routed[e], by_expert, gradient->experts[e]);
  }
  MatrixXd by_logits = task_by_logits(spec, state, choices, weight, by_weight);
  add_balance_losses(spec, balance, state, choices, loss, by_logits);
  if (gradient == nullptr) return loss;

  for (std::size_t s = 0; s < always.size(); ++s) {
    add_backward(weights.shared[s], batch.tokens, always[s], by_output, gradient->shared[s]);
  }
  gradient->gate += batch.tokens.transpose() * by_logits;
  if (balance.exploration == Exploration::noisy_top_k) {
    // softplus' is the logistic function.
    const MatrixXd slope = (1 + (-state.raw_noise.array()).exp()).inverse() * state.normal.array();
    gradient->noise += batch.tokens.transpose() * by_logits.cwiseProduct(slope);
  }
  return loss;
}

}  // namespace moesim::detail
