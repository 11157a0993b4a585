#include "models/schedule/pipeline_closed_forms.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

namespace {

Picoseconds times_of(std::int64_t n, Picoseconds time) { return {n * time.count}; }

// Ends of the last rank: it starts late, or the gradients' way back is long, or both less what it may put off. `most`
// is how many weight gradients the last rank has left when its last input gradient is done.
Picoseconds zero_bubble_h1_bubble(const PipelineSpec& spec, const ChunkTimes& t) {
  const std::int64_t hops = spec.ranks - 1;
  const std::int64_t started = std::min(spec.ranks, spec.micro_batches);
  const Picoseconds last_starts = times_of(hops, t.forward);
  const Picoseconds first_waits = times_of(hops, t.input_gradient) + times_of(spec.ranks - started, t.forward);
  const Picoseconds both = times_of(hops, t.forward + t.input_gradient) - times_of(started - 1, t.weight_gradient);
  return std::max({last_starts, first_waits, both});
}

PipelineBound zero_bubble_v_bound(const PipelineSpec& spec, const ChunkTimes& t) {
  const std::int64_t hops = spec.ranks - 1;
  const Picoseconds last_starts = times_of(hops, t.forward);
  // Fewer micro-batches leave fewer weight gradients to put off.
  const std::int64_t put_off = std::min<std::int64_t>(2 * hops, 2 * std::int64_t{spec.micro_batches} - 1);
  const Picoseconds both = times_of(hops, t.forward + t.input_gradient) - times_of(put_off, t.weight_gradient);
  const Picoseconds bubble = std::max(last_starts, both);
  return {bubble, times_of(2 * std::int64_t{spec.micro_batches}, t.forward + t.backward()) + bubble};
}

// A middle rank does its first stages + 1 forwards and its last stages + 1 backwards alone.
PipelineBound dualpipe_bound(const PipelineSpec& spec, const ChunkTimes& t) {
  const bool folded = spec.kind == PipelineKind::dualpipe_v;
  const std::int64_t half = folded ? spec.ranks : spec.ranks / 2;
  const std::int64_t alone = 2 * half + 1;
  const std::int64_t pairs = (folded ? 2 : 1) * std::int64_t{spec.micro_batches} - alone;
  const Picoseconds wait = std::max(t.forward, t.pair + t.forward - times_of(2, t.weight_gradient));
  const Picoseconds bubble = times_of(half - 1, wait);
  return {bubble, times_of(pairs, t.pair) + times_of(alone, t.forward + t.backward()) + bubble};
}

}  // namespace

PipelineBound least_makespan(const PipelineSpec& spec, const ChunkTimes& times) {
  const std::int64_t chunks = std::int64_t{spec.micro_batches} * spec.chunks_per_rank;
  const Picoseconds busy = times_of(chunks, times.forward + times.backward());
  switch (spec.kind) {
    case PipelineKind::gpipe:
    case PipelineKind::one_f_one_b:
    case PipelineKind::interleaved: {
      const Picoseconds bubble = times_of(spec.ranks - 1, times.forward + times.backward());
      return {bubble, busy + bubble};
    }
    case PipelineKind::zero_bubble_h1: {
      const Picoseconds bubble = zero_bubble_h1_bubble(spec, times);
      return {bubble, busy + bubble};
    }
    case PipelineKind::zero_bubble_v:
      return zero_bubble_v_bound(spec, times);
    case PipelineKind::dualpipe:
    case PipelineKind::dualpipe_v:
      return dualpipe_bound(spec, times);
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(spec.kind));
}

int most_held(const PipelineSpec& spec, int rank) {
  const int after = spec.ranks - rank - 1;
  switch (spec.kind) {
    case PipelineKind::gpipe:
      return spec.micro_batches;
    case PipelineKind::one_f_one_b:
      return std::min(after + 1, spec.micro_batches);
    case PipelineKind::interleaved:
      return std::min(2 * after + (spec.chunks_per_rank - 1) * spec.ranks + 1,
                      spec.micro_batches * spec.chunks_per_rank);
    case PipelineKind::zero_bubble_h1:
      return std::min(spec.ranks, spec.micro_batches);
    case PipelineKind::zero_bubble_v:
      return 2 * std::min(spec.ranks, spec.micro_batches);
    case PipelineKind::dualpipe:
      return spec.ranks + 1;
    case PipelineKind::dualpipe_v:
      return 2 * spec.ranks + 1;
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(spec.kind));
}

}  // namespace moesim
