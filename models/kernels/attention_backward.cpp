#include "models/kernels/attention_backward.hpp"

namespace moesim {

KernelCost attention_backward(const KernelCost& forward) {
  KernelCost backward = forward;
  backward.time = Picoseconds::from_seconds(forward.time.seconds() * kAttentionBackwardFlops / kAttentionBackwardRate);
  backward.flops = kAttentionBackwardFlops * forward.flops;
  backward.hbm = 2 * forward.hbm;  // Queries, keys, values and outputs again, and the gradients of all four.
  return backward;
}

}  // namespace moesim
