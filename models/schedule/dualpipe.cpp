#include "models/schedule/rank_program.hpp"

namespace moesim {

namespace {

// One rank's view: micro-batches that enter at the end nearer to it (`near`) reach it early, those from the other end
// (`far`) late. dualpipe_v is the half of the ranks that has the entry, and what the other half sends comes around the
// fold.
struct DualRank {
  int near;  // Chunks.
  int far;
  int from_end;    // Ranks between it and the end nearer to it.
  int to_middle;   // Ranks between it and the middle.
  int half_ranks;  // From the end to the middle.
  int each_way;    // Micro-batches of one direction.
};

DualRank dual_rank(const PipelineSpec& spec, int rank) {
  if (spec.kind == PipelineKind::dualpipe_v) {
    return {0, 1, rank, spec.ranks - rank - 1, spec.ranks, spec.micro_batches};
  }
  const int half = spec.ranks / 2;
  const bool second_half = rank >= half;
  const int from_end = second_half ? spec.ranks - 1 - rank : rank;
  return {second_half ? 1 : 0, second_half ? 0 : 1, from_end, half - from_end - 1, half, spec.micro_batches / 2};
}

void warm_up(RankProgram& program, const DualRank& r) {
  for (int i = 0; i < 2 * r.to_middle; ++i) program.forward(r.near);
  for (int i = 0; i < r.from_end + 1; ++i) {
    program.forward(r.near);
    program.forward(r.far);
  }
  // The first backwards are here, but not yet enough of them: their weight gradients fill.
  for (int i = 0; i < r.to_middle; ++i) {
    program.input_gradient(r.far);
    program.oldest_weight_gradient();
    program.forward(r.far);
  }
}

void steady(RankProgram& program, const DualRank& r) {
  for (int i = 0; program.forwards(r.near) < r.each_way; ++i) {
    if (i == 0 && r.to_middle == 0) {
      // Apart, so that the other middle rank has the forward earlier.
      program.forward(r.near);
      program.backward(r.far);
    } else {
      program.forward_beside_backward(r.near, r.far);
    }
    program.forward_beside_backward(r.far, r.near);
  }
  for (int i = 0; i < r.to_middle; ++i) {
    program.backward(r.far);
    program.forward_beside_backward(r.far, r.near);
  }
}

// No forwards are left. The later half of the backwards leaves its weight gradients for when there is nothing else.
void cool_down(RankProgram& program, const DualRank& r) {
  const int pairs = r.from_end + 1;
  for (int i = 0; i < 2 * pairs; ++i) {
    const int chunk = i % 2 == 0 ? r.far : r.near;
    if (i <= r.from_end) {
      program.backward(chunk);
    } else {
      program.input_gradient(chunk);
    }
  }
  for (int i = 0; i < r.to_middle; ++i) {
    program.oldest_weight_gradient();
    program.input_gradient(r.near);
  }
  while (program.weight_gradients_due() > 0) program.oldest_weight_gradient();
}

}  // namespace

std::vector<PipelineSlot> dualpipe_slots(const PipelineSpec& spec, int rank) {
  const DualRank r = dual_rank(spec, rank);
  RankProgram program(2);
  if (spec.kind == PipelineKind::dualpipe) program.begin_at(1, r.each_way);
  warm_up(program, r);
  steady(program, r);
  cool_down(program, r);
  return std::move(program).slots();
}

}  // namespace moesim
