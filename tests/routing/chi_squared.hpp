#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace moesim::test {

// The chance that a chi-squared variable with so many degrees of freedom is larger than `value`.
double chi_squared_tail(double value, int degrees);

// Pearson's test of counted outcomes against their chances (sum 1): the chance of a larger chi-squared if the counts
// come from them. Outcomes that are expected fewer than five times are put together. 0 if one was counted that has no
// chance.
using Outcome = std::vector<std::int64_t>;
double pearson_tail(const std::map<Outcome, std::int64_t>& counts, const std::map<Outcome, double>& chances);

// Independent vectors of counts [size] of one distribution: their sum, and the covariance of one of them.
class CountSample {
 public:
  explicit CountSample(std::size_t size) : size_(size), sum_(size), products_(size * size) {}
  void add(std::span<const std::int64_t> counts);

  std::size_t size() const { return size_; }
  double units() const { return units_; }
  double mean(std::size_t i) const { return sum_[i] / units_; }
  double covariance(std::size_t i, std::size_t j) const;

 private:
  std::size_t size_;
  double units_ = 0;
  std::vector<double> sum_;
  std::vector<double> products_;  // [size, size] sums of products
};

// The chance that two samples of one distribution differ more in their means than these. For large samples the
// difference d of the means is normal, and d' S^-1 d chi-squared, S being its covariance. The last count has to follow
// from the others: it is left out, and there is a degree of freedom for each of them. A count that does not vary, or
// only as the ones before it do, has none, and must be the same in both samples.
double same_means_tail(const CountSample& a, const CountSample& b);

}  // namespace moesim::test
