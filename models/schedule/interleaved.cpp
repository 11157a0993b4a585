#include <algorithm>

#include "models/schedule/rank_program.hpp"

namespace moesim {

// Micro-batches go in groups of as many as there are ranks: a rank passes a group through its first chunk, then
// through its second, and so on; backwards the chunks come in the other order. It starts two more than the next rank,
// since a chunk's output has to go once around all ranks before the next chunk can have it.
std::vector<PipelineSlot> interleaved_slots(const PipelineSpec& spec, int rank) {
  const int chunks = spec.chunks_per_rank;
  const int all = spec.micro_batches * chunks;  // Forwards of this rank.
  const auto chunk_of = [&](int i) { return i / spec.ranks % chunks; };
  const int ahead = std::min(2 * (spec.ranks - rank - 1) + (chunks - 1) * spec.ranks, all);

  RankProgram program(chunks);
  for (int i = 0; i < ahead; ++i) program.forward(chunk_of(i));
  for (int i = 0; i < all; ++i) {
    if (ahead + i < all) program.forward(chunk_of(ahead + i));
    program.backward(chunks - 1 - chunk_of(i));
  }
  return std::move(program).slots();
}

}  // namespace moesim
