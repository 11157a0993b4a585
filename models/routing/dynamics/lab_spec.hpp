#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/routing/router_spec.hpp"

namespace moesim {

// What the router learns on: tokens of several domains. A token of domain z at step t is
//   x = common * c + mu_z(t) + spread * n     [hidden]
// with unit vectors c and mu_z and Gaussian noise n of mean square length 1. Its answer, which the layer is to give, is
//   a = common * b + a_z                      [hidden]
// with unit vectors b and a_z. A domain is drawn with chance proportional to (z + 1)^-zipf_exponent.
struct TokenMixtureSpec {
  int domains = 64;
  double zipf_exponent = 0;           // 0: all domains are as frequent.
  double spread = 0.5;                // Length of the noise, against 1 for the domain's centre.
  double common = 1;                  // Length of what all tokens, and all answers, share.
  double drift_radians_per_step = 0;  // mu_z turns in a plane of its own.
};

enum class Exploration {
  none,
  noisy_top_k,  // Shazeer 2017: H = x W_g + scale * normal * softplus(x W_noise), for choice and weights; W_noise
                // learns.
  gumbel,       // scale * Gumbel noise on the logits, for the choice alone.
};
std::optional<Exploration> exploration(std::string_view name);
std::string_view name(Exploration exploration);

// One way to keep the load even, or none.
struct BalanceSpec {
  std::string name;  // The column's head in reports.
  Exploration exploration = Exploration::none;
  double noise_scale = 0;
  double auxiliary_loss = 0;  // alpha of alpha * N * sum(f * P).
  double z_loss = 0;          // beta of beta * mean(logsumexp(logits)^2).
  double bias_step = 0;  // u: each step adds u to the bias of experts below the mean load, takes u from those above.
};

// A router and its experts from their first step on. Routed and shared experts are two-layer networks
// V relu(U x) of `expert_width` hidden units.
struct LabSpec {
  TokenMixtureSpec tokens;
  int hidden = 32;         // d
  int experts = 16;        // N
  int top_k = 2;           // k
  int expert_width = 8;    // f
  int shared_experts = 0;  // s: every token goes there, with weight 1.
  Scoring scoring = Scoring::softmax;
  int batch_tokens = 1024;  // T of one step.
  int steps = 1000;
  int report_every = 100;         // Steps; each row of the outcome is over the steps since the row before.
  double gate_learning_rate = 1;  // Of plain SGD.
  double expert_learning_rate = 1;
  double gate_deviation = 0.1;  // Of the gate's first weights, times 1 / sqrt(hidden).
  std::uint64_t seed = 1;
};

// The steps since the row before, all their tokens together.
struct LabRow {
  int step = 0;                       // The last one, counted from 1.
  double max_over_mean = 1;           // Busiest expert's share of all choices over the mean share, 1 / N.
  double load_entropy = 1;            // Of the experts' shares, over ln N: 1 is even.
  double specialisation_entropy = 1;  // Entropy of the domains that an expert sees, mean over choices, over the entropy
                                      // of the domains of all tokens: 0, an expert is for one domain; 1, for all alike.
  double task_match = 0;          // 1 - |answer - output|^2 / |answer - mean answer|^2: 0 is no better than a constant.
  double retained_gate_mass = 1;  // Scores of the chosen experts over those of the k with the best scores.
  double loss = 0;                // Mean of |answer - output|^2 / 2, the task's alone.
  int starved_experts = 0;        // That no token went to.
};

// A weight is no longer finite: the learning rates are too large.
class LabDiverged : public std::runtime_error {
 public:
  explicit LabDiverged(int at) : std::runtime_error("the weights left the numbers"), step(at) {}
  int step;  // By which it was seen.
};

// Trains the router under one way to balance. The tokens and first weights are the same for each way. Equal arguments
// give equal rows. LabDiverged if they cannot be told.
std::vector<LabRow> run_lab(const LabSpec& spec, const BalanceSpec& balance);

}  // namespace moesim
