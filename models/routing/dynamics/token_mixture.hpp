#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "models/routing/dynamics/lab_spec.hpp"

namespace moesim::detail {

struct TokenBatch {
  Eigen::MatrixXd tokens;    // [T, hidden]
  Eigen::MatrixXd answers;   // [T, hidden]
  std::vector<int> domains;  // [T]
};

// The tokens of TokenMixtureSpec. A batch is a function of the seed and the step alone.
class TokenMixture {
 public:
  TokenMixture(const TokenMixtureSpec& spec, int hidden, std::uint64_t seed);

  TokenBatch batch(int step, int tokens) const;
  const std::vector<double>& popularity() const { return popularity_; }  // [domains], sum 1

 private:
  TokenMixtureSpec spec_;
  std::uint64_t seed_;
  std::vector<double> popularity_;
  Eigen::RowVectorXd common_;         // c, [hidden]
  Eigen::RowVectorXd common_answer_;  // b, [hidden]
  Eigen::MatrixXd centres_;           // mu_z(0), [domains, hidden]
  Eigen::MatrixXd turns_;             // Where mu_z turns to: unit, at a right angle to mu_z(0).
  Eigen::MatrixXd answers_;           // a_z, [domains, hidden]
};

}  // namespace moesim::detail
