#include <algorithm>

#include "models/schedule/rank_program.hpp"

namespace moesim {

// A rank starts as many micro-batches as there are ranks from it to the last, so that the first backward reaches it
// just as it runs out; from then on one backward frees what one forward takes.
std::vector<PipelineSlot> one_f_one_b_slots(const PipelineSpec& spec, int rank) {
  RankProgram program(1);
  const int ahead = std::min(spec.ranks - rank, spec.micro_batches);
  for (int i = 0; i < ahead; ++i) program.forward(0);
  for (int i = 0; i < spec.micro_batches; ++i) {
    program.backward(0);
    if (program.forwards(0) < spec.micro_batches) program.forward(0);
  }
  return std::move(program).slots();
}

}  // namespace moesim
