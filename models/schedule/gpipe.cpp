#include "models/schedule/rank_program.hpp"

namespace moesim {

// All ranks do the same. The last micro-batch comes back first, as in the paper's figure 2: its activations are the
// newest, and the last rank has them at hand.
std::vector<PipelineSlot> gpipe_slots(const PipelineSpec& spec) {
  std::vector<PipelineSlot> slots;
  for (int m = 0; m < spec.micro_batches; ++m) slots.push_back({{WorkKind::forward, m, 0}, {}});
  for (int m = spec.micro_batches - 1; m >= 0; --m) slots.push_back({{WorkKind::backward, m, 0}, {}});
  return slots;
}

}  // namespace moesim
