#pragma once

#include "models/kernels/kernel_cost.hpp"

namespace moesim {

// Products of the backward pass of softmax attention over those of the forward pass: five for two, since scores are
// computed again (FlashAttention-2, arXiv:2307.08691, section 3.1.2).
inline constexpr double kAttentionBackwardFlops = 2.5;

// FLOP/s of the backward kernel over those of the forward one. cuDNN on Hopper, DeepSeek-V3's latent attention: 422 of
// 553 TFLOP/s at 4,096 tokens, 523 of 638 at 16,384 (arXiv:2603.07685, table 9); their mean.
inline constexpr double kAttentionBackwardRate = 0.79;

// The backward pass of an attention of which `forward` is the forward pass. No row of ours measures it.
KernelCost attention_backward(const KernelCost& forward);

}  // namespace moesim
