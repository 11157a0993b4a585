#include <algorithm>

#include "models/schedule/rank_program.hpp"

namespace moesim {

// Chunk 0 goes down the ranks and chunk 1 back up, so that the first rank has the loss and the last rank turns around
// without a hand-over. While micro-batches last, a rank does F B W of one chunk, then F B W of the other. At the end
// the input gradients, which others wait for, go first, and the weight gradients fill.
std::vector<PipelineSlot> zero_bubble_v_slots(const PipelineSpec& spec, int rank) {
  // Fewer do not fill the ranks; then the schedule is that of as many, and those that are not there take no time.
  const int all = std::max(spec.micro_batches, 2 * spec.ranks - 1);
  const int below = spec.ranks - rank;  // This rank and those after it.
  RankProgram program(2);
  const auto whole_backward = [&](int chunk) {
    program.input_gradient(chunk);
    program.weight_gradient(chunk);
  };

  // Until the first micro-batch comes up again.
  for (int i = 0; i < 2 * below - 1; ++i) program.forward(0);
  for (int i = 0; i < rank; ++i) {
    program.forward(1);
    program.forward(0);
  }
  for (int i = 0; i < below; ++i) {
    program.forward(1);
    whole_backward(1);
  }
  while (program.forwards(1) < all) {
    if (program.forwards(0) < all) program.forward(0);
    whole_backward(0);
    program.forward(1);
    whole_backward(1);
  }
  // What is left: `rank` micro-batches of both chunks, then `below` of chunk 0.
  for (int i = 0; i < rank; ++i) {
    program.input_gradient(0);
    program.input_gradient(1);
  }
  for (int i = 0; i < below; ++i) whole_backward(0);
  while (program.weight_gradients_due() > 0) program.oldest_weight_gradient();

  std::vector<PipelineSlot> slots = std::move(program).slots();
  std::erase_if(slots, [&](const PipelineSlot& slot) { return slot.work.micro_batch >= spec.micro_batches; });
  return slots;
}

}  // namespace moesim
