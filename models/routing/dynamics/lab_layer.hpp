#pragma once

#include <vector>

#include <Eigen/Core>

#include "models/routing/dynamics/lab_spec.hpp"
#include "models/routing/dynamics/token_mixture.hpp"

namespace moesim::detail {

// V relu(U x)
struct LabExpert {
  Eigen::MatrixXd up;    // U^T, [hidden, width]
  Eigen::MatrixXd down;  // V^T, [width, hidden]
};

// The weights of the layer, or a gradient by them.
struct LabWeights {
  Eigen::MatrixXd gate;            // W_g, [hidden, N]
  Eigen::MatrixXd noise;           // W_noise, [hidden, N]; empty unless noisy_top_k
  std::vector<LabExpert> experts;  // [N]
  std::vector<LabExpert> shared;   // [s]

  static LabWeights first(const LabSpec& spec, const BalanceSpec& balance);
  LabWeights zeros() const;  // Of the same shapes.
  bool finite() const;
};

// What the gate computes from a batch before it chooses.
struct GateState {
  Eigen::MatrixXd raw_noise;  // x W_noise, [T, N]; empty unless noisy_top_k
  Eigen::MatrixXd normal;     // The draws that multiply the noise, [T, N]; likewise
  Eigen::MatrixXd logits;     // H, [T, N]
  Eigen::MatrixXd scores;     // s, [T, N]: softmax over all experts, or sigmoid
};
GateState gate_state(const LabSpec& spec, const BalanceSpec& balance, const LabWeights& weights,
                     const Eigen::MatrixXd& tokens, int step);

// The k experts of each token, best first: those with the largest s + bias. Gumbel noise moves s. [T * k]
std::vector<int> choose_experts(const LabSpec& spec, const BalanceSpec& balance, const GateState& state,
                                const Eigen::VectorXd& bias, int step);

struct LabLoss {
  double task = 0;       // Mean over tokens of |answer - output|^2 / 2.
  double auxiliary = 0;  // alpha N sum(f P)
  double z = 0;
  Eigen::MatrixXd outputs;  // [T, hidden]
  double total() const { return task + auxiliary + z; }
};

// The losses of a batch under given choices, and their gradient, added to `gradient` unless that is null. The weight of
// a chosen expert is k times its share of the scores: of all experts' (softmax), or of the chosen ones' (softmax_topk,
// sigmoid), so that cutting experts finer leaves the size of the sum as it is. f, the share of choices that an expert
// got, counts as a constant, as in Switch; P is the mean share of the scores of all experts.
LabLoss lab_loss(const LabSpec& spec, const BalanceSpec& balance, const LabWeights& weights, const TokenBatch& batch,
                 const GateState& state, const std::vector<int>& choices, LabWeights* gradient);

}  // namespace moesim::detail
