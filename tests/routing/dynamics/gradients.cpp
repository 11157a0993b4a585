#include <cmath>

#include "models/routing/dynamics/lab_layer.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

using detail::LabExpert;
using detail::LabWeights;

LabSpec small(Scoring scoring) {
  LabSpec spec;
  spec.tokens.domains = 5;
  spec.hidden = 6;
  spec.experts = 5;
  spec.top_k = 2;
  spec.expert_width = 3;
  spec.shared_experts = 1;
  spec.scoring = scoring;
  spec.gate_deviation = 1;
  spec.batch_tokens = 24;
  return spec;
}

// The loss as a function of the weights alone: choices, noise draws and the shares f stay as they were.
struct Problem {
  LabSpec spec;
  BalanceSpec balance;
  detail::TokenBatch batch;
  std::vector<int> choices;

  double operator()(const LabWeights& weights) const {
    const auto state = detail::gate_state(spec, balance, weights, batch.tokens, 1);
    return lab_loss(spec, balance, weights, batch, state, choices, nullptr).total();
  }
};

// Every weight of `matrix` against the central difference. A step across the kink of a relu would be seen as a
// difference; the step is small enough that these seeds have none.
void check_matrix(const Problem& problem, LabWeights& weights, Eigen::MatrixXd& matrix,
                  const Eigen::MatrixXd& gradient) {
  constexpr double kStep = 1e-6;
  for (Eigen::Index i = 0; i < matrix.size(); ++i) {
    const double at = matrix.data()[i];
    matrix.data()[i] = at + kStep;
    const double above = problem(weights);
    matrix.data()[i] = at - kStep;
    const double below = problem(weights);
    matrix.data()[i] = at;
    // Rounding of a loss of order 1 leaves about 1e-10 of a difference quotient.
    CHECK_THAT(gradient.data()[i], WithinAbs((above - below) / (2 * kStep), 1e-8));
  }
}

TEST_CASE("gradients are those of finite differences", "[oracle][lab]") {
  for (const Scoring scoring : {Scoring::softmax, Scoring::softmax_topk, Scoring::sigmoid}) {
    for (const Exploration exploration : {Exploration::none, Exploration::noisy_top_k, Exploration::gumbel}) {
      CAPTURE(static_cast<int>(scoring), name(exploration));
      const LabSpec spec = small(scoring);
      const BalanceSpec balance{.name = "all",
                                .exploration = exploration,
                                .noise_scale = exploration == Exploration::none ? 0.0 : 0.7,
                                .auxiliary_loss = 0.3,
                                .z_loss = 0.1};
      LabWeights weights = LabWeights::first(spec, balance);
      if (exploration == Exploration::noisy_top_k) weights.noise = 0.5 * weights.gate;  // Off its first value, zero.
      const auto batch = detail::TokenMixture(spec.tokens, spec.hidden, spec.seed).batch(1, spec.batch_tokens);
      const auto state = detail::gate_state(spec, balance, weights, batch.tokens, 1);
      const auto choices = choose_experts(spec, balance, state, Eigen::VectorXd::Zero(spec.experts), 1);
      const Problem problem{spec, balance, batch, choices};
      LabWeights gradient = weights.zeros();
      const auto loss = lab_loss(spec, balance, weights, batch, state, choices, &gradient);
      CHECK(loss.auxiliary > 0);
      CHECK(loss.z > 0);
      CHECK(gradient.gate.norm() > 1e-3);
      check_matrix(problem, weights, weights.gate, gradient.gate);
      check_matrix(problem, weights, weights.noise, gradient.noise);
      for (std::size_t e = 0; e < weights.experts.size(); ++e) {
        check_matrix(problem, weights, weights.experts[e].up, gradient.experts[e].up);
        check_matrix(problem, weights, weights.experts[e].down, gradient.experts[e].down);
      }
      check_matrix(problem, weights, weights.shared[0].up, gradient.shared[0].up);
      check_matrix(problem, weights, weights.shared[0].down, gradient.shared[0].down);
    }
  }
}

TEST_CASE("the auxiliary loss is alpha at even load and alpha * N / k where k experts take all", "[oracle][lab]") {
  LabSpec spec = small(Scoring::softmax);
  spec.experts = 4;
  const BalanceSpec balance{.name = "aux", .auxiliary_loss = 0.5};
  LabWeights weights = LabWeights::first(spec, balance);
  const auto batch = detail::TokenMixture(spec.tokens, spec.hidden, spec.seed).batch(1, 4);
  const auto loss_of = [&](const Eigen::MatrixXd& scores, const std::vector<int>& choices) {
    detail::GateState state;
    state.logits = scores.array().log();
    state.scores = scores;
    return lab_loss(spec, balance, weights, batch, state, choices, nullptr).auxiliary;
  };
  CHECK_THAT(loss_of(Eigen::MatrixXd::Constant(4, 4, 0.25), {0, 1, 2, 3, 0, 1, 2, 3}), WithinRel(0.5, 1e-12));
  Eigen::MatrixXd two = Eigen::MatrixXd::Constant(4, 4, 1e-12);  // Almost all mass on the two that are chosen.
  two.leftCols(2).setConstant(0.5);
  CHECK_THAT(loss_of(two, {0, 1, 0, 1, 0, 1, 0, 1}), WithinRel(0.5 * 4 / 2, 1e-9));
}

}  // namespace
}  // namespace moesim
