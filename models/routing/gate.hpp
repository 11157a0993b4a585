#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/router_spec.hpp"

namespace moesim {

// What the router does with given logits [tokens, experts]: combine weights [tokens, experts], 0 where a token is not
// sent. No placement (node_limited takes `router.groups` groups of neighbours) and no capacity (but expert_choice,
// whose capacity is its rule). noisy_top_k needs `noise_logits`, of the same shape; its noise, and the chance of
// top_2_random_second, come from `seed`.
//
//   gate_weights({.num_experts = 4, .top_k = 2, .scoring = Scoring::softmax_topk}, {{8, 2, 1, 7}})
//   is {0.73, 0, 0, 0.27}
std::vector<float> gate_weights(const RouterSpec& router, std::span<const float> logits,
                                std::span<const float> noise_logits = {}, std::uint64_t seed = 1);

}  // namespace moesim
