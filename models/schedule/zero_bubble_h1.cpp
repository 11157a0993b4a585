#include <algorithm>

#include "models/schedule/rank_program.hpp"

namespace moesim {

// 1F1B's order of forwards and input gradients. A rank owes as many weight gradients as there are ranks before it:
// with the micro-batches that it is ahead by, every rank holds as many as 1F1B's first. What is owed fills the end,
// where 1F1B's ranks have nothing to do.
std::vector<PipelineSlot> zero_bubble_h1_slots(const PipelineSpec& spec, int rank) {
  RankProgram program(1);
  const int ahead = std::min(spec.ranks - rank, spec.micro_batches);
  for (int i = 0; i < ahead; ++i) program.forward(0);
  for (int i = 0; i < spec.micro_batches; ++i) {
    program.input_gradient(0);
    if (i >= rank) program.weight_gradient(0);
    if (program.forwards(0) < spec.micro_batches) program.forward(0);
  }
  while (program.weight_gradients_due() > 0) program.weight_gradient(0);
  return std::move(program).slots();
}

}  // namespace moesim
