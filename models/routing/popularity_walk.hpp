#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

// Who is popular in which layer and step: a Gaussian field z[step, layer, expert], independent over experts, with the
// correlation
//   layer_correlation^|layers apart| * (1 - step_drift)^|steps apart|
// of two of an expert's values. In each layer and step the expert with the largest z is the most popular one. So a
// layer_correlation of 0 shuffles every layer anew, 1 gives all layers one order; a step_drift of 0 keeps the order for
// ever, 1 shuffles every step anew. Of places in the two orders the rank correlation (Spearman's) is 6 / pi * asin(r /
// 2), where r is the above. Layer 0 in step 0 has the order of shuffled_places().
//
// Starts in step 0; the state is one step's field, so that a long run takes no more memory than a short one.
class PopularityWalk {
 public:
  PopularityWalk(int experts, int layers, double layer_correlation, double step_drift, std::uint64_t seed);

  void next_step();
  std::vector<std::int32_t> places(int layer) const;  // [experts] in the current step; 0 is the most popular.

 private:
  std::vector<double> draw(int layer) const;  // Standard normal, [experts], of the current step.

  int experts_;
  double layer_correlation_;
  double step_drift_;
  std::uint64_t seed_;
  std::uint64_t step_ = 0;
  std::vector<std::vector<double>> field_;  // [layers][experts]
};

}  // namespace moesim
