#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// What a policy sees of some tokens: their logits for every expert, row-major [tokens, experts].
struct LogitBlock {
  int experts = 0;
  std::vector<float> logits;
  std::vector<float> noise_logits;  // x * W_noise of noisy_top_k, the same shape; empty for the other policies.

  std::size_t tokens() const { return logits.size() / static_cast<std::size_t>(experts); }
  std::span<const float> row(std::size_t token) const {
    return std::span(logits).subspan(token * static_cast<std::size_t>(experts), static_cast<std::size_t>(experts));
  }
};

// What a policy decides for some tokens: `slots` experts a token, best first, row-major [tokens, slots].
//
// A choice's share is its score over the sum of the scores of the token's free top-k: the k experts of the highest
// scores with no bias, limit, chance or capacity in the way.
struct Choices {
  static constexpr std::int32_t kDropped = -1;  // The token chose an expert here, but is not sent to it.
  static constexpr std::int32_t kEmpty = -2;    // No choice: the token has fewer than `slots`.

  // Set by who asks, for what a capacity does with the choices later; the first goes with each of the others.
  bool with_shares = false;   // Fill `shares`: choices may be dropped.
  bool with_weights = false;  // Fill `weights`, but for a factor that all tokens share: choices are ranked by them.
  bool with_rest = false;     // Fill `rest`: choices may be sent on to other experts.
  int slots = 0;
  std::vector<std::int32_t> experts;
  std::vector<float> shares;    // Of each choice; empty unless with_shares.
  std::vector<float> weights;   // Combine weights. RoutingPolicy::choose() always fills them.
  struct Rest {                 // Of each token's experts beyond its choices.
    std::vector<float> scores;  // [tokens, experts], -1 where the rule does not let the token go. Of choose().
    std::vector<float> clock;   // [tokens] the race's time when the last choice arrived. Of sample().
    std::vector<float> free;    // [tokens] sum of the scores of the free top-k.
  } rest;
  std::int64_t rerouted = 0;  // Choices that go to another expert than the token chose.
  double lost_share = 0;      // Sum over tokens of 1 - (shares of the experts that the token is sent to).

  std::size_t tokens() const { return slots == 0 ? 0 : experts.size() / static_cast<std::size_t>(slots); }
  void clear() {
    experts.clear();
    shares.clear();
    weights.clear();
    rest.scores.clear();
    rest.clock.clear();
    rest.free.clear();
    rerouted = 0;
    lost_share = 0;
  }
  // Appends tokens, all their slots empty; gives the index of the first new slot.
  std::size_t append(std::size_t new_tokens, int slots_per_token) {
    const std::size_t first = experts.size();
    slots = slots_per_token;
    experts.resize(first + new_tokens * static_cast<std::size_t>(slots), kEmpty);
    if (with_shares) shares.resize(experts.size());
    if (with_weights) weights.resize(experts.size());
    return first;
  }
};

}  // namespace moesim
