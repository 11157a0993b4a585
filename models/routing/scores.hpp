#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

// Scores [experts] of one token from its logits: softmax over all experts (for softmax_topk too, whose weights are the
// same up to their sum), or the sigmoid of each.
void expert_scores(Scoring scoring, std::span<const float> logits, std::span<double> scores);

// Whether combine weights are scores over the sum of the kept ones.
inline bool divides_by_sum(const RouterSpec& router) {
  return router.normalize || router.scoring == Scoring::softmax_topk;
}

// Whether a choice's weight can be told from the scores, up to a common factor, of the chosen experts alone: a softmax
// over all experts that is not divided by the kept sum needs them all.
inline bool weighs_without_all_scores(const RouterSpec& router) {
  return divides_by_sum(router) || router.scoring == Scoring::sigmoid;
}

// The indices of the best.size() largest keys, largest first; of equal keys the lower index first.
void top_indices(std::span<const double> keys, std::span<std::int32_t> best);

// Works through the logits of a block row by row; keeps its buffers from one token to the next.
class DenseGate {
 public:
  explicit DenseGate(const RouterSpec& router);

  // Takes up one token. scores() are then its scores; keys() order the selection: score plus bias.
  void start(std::span<const float> logits);
  std::span<double> keys() { return keys_; }
  std::span<const double> scores() const { return scores_; }
  double free_score();  // Sum of the top_k largest scores.

  // Writes the choice `chosen` (best first) with weights, shares and the share that is lost against the free top-k.
  void finish(std::span<const std::int32_t> chosen, std::size_t first_slot, Choices& choices);

 private:
  const RouterSpec& router_;
  std::span<const float> logits_;
  std::vector<double> scores_;
  std::vector<double> keys_;
  std::vector<std::int32_t> best_;  // [top_k]
};

}  // namespace moesim
