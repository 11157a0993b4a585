#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "models/routing/dynamics/lab_layer.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

using detail::GateState;
using detail::LabExpert;
using detail::LabLoss;
using detail::LabWeights;
using detail::TokenBatch;

constexpr std::array<std::string_view, 3> kExplorations = {"none", "noisy_top_k", "gumbel"};

double entropy(const Eigen::VectorXd& counts) {
  const double sum = counts.sum();
  double result = 0;
  for (const double count : counts) {
    if (count > 0) result -= count / sum * std::log(count / sum);
  }
  return result;
}

double over(double value, double whole, double otherwise) { return whole > 0 ? value / whole : otherwise; }

// Everything that a row needs, added up over its steps.
class Tally {
 public:
  explicit Tally(const LabSpec& spec)
      : spec_(&spec),
        seen_(Eigen::MatrixXd::Zero(spec.experts, spec.tokens.domains)),
        domains_(Eigen::VectorXd::Zero(spec.tokens.domains)),
        answer_sum_(Eigen::RowVectorXd::Zero(spec.hidden)) {}

  void add(const TokenBatch& batch, const GateState& state, const std::vector<int>& choices, const LabLoss& loss) {
    const auto k = static_cast<std::size_t>(spec_->top_k);
    std::vector<double> best(static_cast<std::size_t>(spec_->experts));
    for (std::size_t t = 0; t < batch.domains.size(); ++t) {
      const auto row = static_cast<Eigen::Index>(t);
      domains_[batch.domains[t]] += 1;
      for (Eigen::Index e = 0; e < spec_->experts; ++e) best[static_cast<std::size_t>(e)] = state.scores(row, e);
      std::partial_sort(best.begin(), best.begin() + spec_->top_k, best.end(), std::greater<>());
      for (std::size_t i = 0; i < k; ++i) {
        const int expert = choices[t * k + i];
        seen_(expert, batch.domains[t]) += 1;
        kept_mass_ += state.scores(row, expert);
        best_mass_ += best[i];
      }
    }
    const auto tokens = static_cast<double>(batch.domains.size());
    tokens_ += tokens;
    error_ += 2 * loss.task * tokens;
    answer_sum_ += batch.answers.colwise().sum();
    answer_squares_ += batch.answers.squaredNorm();
  }

  LabRow row(int step) const {
    const Eigen::VectorXd loads = seen_.rowwise().sum();
    double specialisation = 0;
    for (Eigen::Index e = 0; e < spec_->experts; ++e) {
      if (loads[e] > 0) specialisation += loads[e] / loads.sum() * entropy(seen_.row(e).transpose());
    }
    const double spread = answer_squares_ - answer_sum_.squaredNorm() / tokens_;  // About the mean answer.
    return {.step = step,
            .max_over_mean = loads.maxCoeff() / loads.mean(),
            .load_entropy = over(entropy(loads), std::log(spec_->experts), 1),
            .specialisation_entropy = over(specialisation, entropy(domains_), 1),
            .task_match = 1 - over(error_, spread, 0),
            .retained_gate_mass = kept_mass_ / best_mass_,
            .loss = error_ / tokens_ / 2,
            .starved_experts = static_cast<int>((loads.array() == 0).count())};
  }

 private:
  const LabSpec* spec_;
  Eigen::MatrixXd seen_;  // Choices, [N, domains]
  Eigen::VectorXd domains_;
  Eigen::RowVectorXd answer_sum_;
  double tokens_ = 0;
  double error_ = 0;
  double answer_squares_ = 0;
  double kept_mass_ = 0;
  double best_mass_ = 0;
};

void descend(const LabSpec& spec, const LabWeights& gradient, LabWeights& weights) {
  weights.gate -= spec.gate_learning_rate * gradient.gate;
  weights.noise -= spec.gate_learning_rate * gradient.noise;
  const auto move = [&](std::vector<LabExpert>& experts, const std::vector<LabExpert>& by) {
    for (std::size_t e = 0; e < experts.size(); ++e) {
      experts[e].up -= spec.expert_learning_rate * by[e].up;
      experts[e].down -= spec.expert_learning_rate * by[e].down;
    }
  };
  move(weights.experts, gradient.experts);
  move(weights.shared, gradient.shared);
}

// Towards underloaded experts by a fixed step (Wang et al. 2024, arXiv:2408.15664).
void move_bias(double step, const std::vector<int>& choices, Eigen::VectorXd& bias) {
  Eigen::VectorXd loads = Eigen::VectorXd::Zero(bias.size());
  for (const int expert : choices) loads[expert] += 1;
  const double mean = loads.mean();
  for (Eigen::Index e = 0; e < bias.size(); ++e) {
    if (loads[e] != mean) bias[e] += loads[e] < mean ? step : -step;
  }
}

}  // namespace

std::optional<Exploration> exploration(std::string_view name) {
  const auto found = std::find(kExplorations.begin(), kExplorations.end(), name);
  if (found == kExplorations.end()) return std::nullopt;
  return static_cast<Exploration>(found - kExplorations.begin());
}

std::string_view name(Exploration exploration) { return kExplorations[static_cast<std::size_t>(exploration)]; }

std::vector<LabRow> run_lab(const LabSpec& spec, const BalanceSpec& balance) {
  MOESIM_CHECK(spec.top_k >= 1 && spec.top_k <= spec.experts, "{} of {} experts", spec.top_k, spec.experts);
  const detail::TokenMixture mixture(spec.tokens, spec.hidden, spec.seed);
  LabWeights weights = LabWeights::first(spec, balance);
  Eigen::VectorXd bias = Eigen::VectorXd::Zero(spec.experts);
  std::vector<LabRow> rows;
  Tally tally(spec);
  for (int step = 1; step <= spec.steps; ++step) {
    const TokenBatch batch = mixture.batch(step, spec.batch_tokens);
    const GateState state = detail::gate_state(spec, balance, weights, batch.tokens, step);
    const std::vector<int> choices = detail::choose_experts(spec, balance, state, bias, step);
    LabWeights gradient = weights.zeros();
    const LabLoss loss = detail::lab_loss(spec, balance, weights, batch, state, choices, &gradient);
    tally.add(batch, state, choices, loss);
    descend(spec, gradient, weights);
    if (balance.bias_step > 0) move_bias(balance.bias_step, choices, bias);
    if (step % spec.report_every == 0 || step == spec.steps) {
      if (!weights.finite()) throw LabDiverged(step);
      rows.push_back(tally.row(step));
      tally = Tally(spec);
    }
  }
  return rows;
}

}  // namespace moesim
