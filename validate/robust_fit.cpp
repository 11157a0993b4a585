#include "validate/robust_fit.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "sim/check.hpp"

namespace moesim {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Searches in coordinates in which every constant runs over comparable lengths: its logarithm, or its share of the
// range.
class Search {
 public:
  Search(std::span<const FitParameter> parameters, std::span<const double> measured, const Predict& predict,
         const FitOptions& options)
      : parameters_(parameters), measured_(measured), predict_(predict), options_(options) {
    for (const FitParameter& p : parameters) {
      MOESIM_CHECK(p.min <= p.start && p.start <= p.max && p.min < p.max, "{}: start {} in [{}, {}]", p.name, p.start,
                   p.min, p.max);
    }
    for (const double us : measured) MOESIM_CHECK(us > 0, "measured {} us", us);
    MOESIM_CHECK(measured.size() >= parameters.size(), "{} rows for {} constants", measured.size(), parameters.size());
  }

  FitSolution run() {
    VectorXd at(size());
    for (Eigen::Index i = 0; i < size(); ++i) at[i] = inward(i, parameter(i).start);
    VectorXd residuals = residuals_at(at);
    int iteration = 0;
    for (; iteration < options_.max_iterations; ++iteration) {
      const double before = cost(residuals);
      step_down(at, residuals);
      search_along_axes(at, residuals);
      if (options_.progress) options_.progress(iteration, cost(residuals));
      if (before - cost(residuals) <= 1e-7 * before) break;
    }
    return {.constants = outward(at), .cost = cost(residuals), .iterations = iteration};
  }

 private:
  Eigen::Index size() const { return static_cast<Eigen::Index>(parameters_.size()); }
  const FitParameter& parameter(Eigen::Index i) const { return parameters_[static_cast<std::size_t>(i)]; }

  double inward(Eigen::Index i, double value) const {
    const FitParameter& p = parameter(i);
    return p.min > 0 ? std::log(value) : (value - p.min) / (p.max - p.min);
  }

  std::vector<double> outward(const VectorXd& at) const {
    std::vector<double> values(parameters_.size());
    for (Eigen::Index i = 0; i < size(); ++i) {
      const FitParameter& p = parameter(i);
      const double value = p.min > 0 ? std::exp(at[i]) : p.min + at[i] * (p.max - p.min);
      values[static_cast<std::size_t>(i)] = std::clamp(value, p.min, p.max);
    }
    return values;
  }

  VectorXd clamped(VectorXd at) const {
    for (Eigen::Index i = 0; i < size(); ++i) {
      at[i] = std::clamp(at[i], inward(i, parameter(i).min), inward(i, parameter(i).max));
    }
    return at;
  }

  VectorXd residuals_at(const VectorXd& at) const {
    const std::vector<double> constants = outward(at);
    std::vector<double> predicted(measured_.size());
    predict_(constants, predicted);
    VectorXd residuals(static_cast<Eigen::Index>(measured_.size()));
    for (std::size_t row = 0; row < measured_.size(); ++row) {
      MOESIM_CHECK(predicted[row] > 0 && std::isfinite(predicted[row]), "row {} is predicted to take {} us", row,
                   predicted[row]);
      residuals[static_cast<Eigen::Index>(row)] = std::log(predicted[row] / measured_[row]);
    }
    return residuals;
  }

  double cost(const VectorXd& residuals) const {
    const double s = options_.robust_scale;
    double sum = 0;
    for (const double r : residuals) sum += 2 * s * s * (std::sqrt(1 + r * r / (s * s)) - 1);
    return sum / static_cast<double>(residuals.size());
  }

  // One Levenberg-Marquardt step, damped until it goes down.
  void step_down(VectorXd& at, VectorXd& residuals) const {
    const double s = options_.robust_scale;
    MatrixXd jacobian(residuals.size(), size());
    for (Eigen::Index i = 0; i < size(); ++i) {
      constexpr double kStep = 1e-3;
      VectorXd moved = at;
      moved[i] += kStep;
      if (clamped(moved) != moved) moved[i] = at[i] - kStep;
      jacobian.col(i) = (residuals_at(moved) - residuals) / (moved[i] - at[i]);
    }
    const VectorXd weights = (1 + residuals.array().square() / (s * s)).rsqrt();
    const MatrixXd normal = jacobian.transpose() * weights.asDiagonal() * jacobian;
    const VectorXd gradient = jacobian.transpose() * weights.asDiagonal() * residuals;
    for (double damping = 1e-3; damping < 1e4; damping *= 10) {
      MatrixXd damped = normal;
      damped.diagonal() += damping * (normal.diagonal().array() + 1e-9).matrix();
      if (improve(at, residuals, clamped(at - damped.ldlt().solve(gradient)))) return;
    }
  }

  void search_along_axes(VectorXd& at, VectorXd& residuals) const {
    for (Eigen::Index i = 0; i < size(); ++i) {
      for (const double length : {0.1, 0.03, 0.01}) {
        for (const double direction : {1.0, -1.0}) {
          VectorXd moved = at;
          moved[i] += direction * length;
          if (improve(at, residuals, clamped(moved))) break;
        }
      }
    }
  }

  bool improve(VectorXd& at, VectorXd& residuals, const VectorXd& candidate) const {
    const VectorXd there = residuals_at(candidate);
    if (!(cost(there) < cost(residuals))) return false;
    at = candidate;
    residuals = there;
    return true;
  }

  std::span<const FitParameter> parameters_;
  std::span<const double> measured_;
  const Predict& predict_;
  const FitOptions& options_;
};

}  // namespace

FitSolution robust_log_fit(std::span<const FitParameter> parameters, std::span<const double> measured,
                           const Predict& predict, const FitOptions& options) {
  return Search(parameters, measured, predict, options).run();
}

}  // namespace moesim
