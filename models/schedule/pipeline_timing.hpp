#pragma once

#include <functional>
#include <span>
#include <vector>

#include "models/schedule/pipeline_schedule.hpp"
#include "sim/units.hpp"

namespace moesim {

// How long things take, of every micro-batch alike. An empty function stands for what is said beside it.
struct PipelineDurations {
  std::function<Picoseconds(WorkKind kind, int rank, int chunk)> work;  // Must be there.
  // A forward and a backward that overlap; else the sum of both.
  std::function<Picoseconds(int rank, int forward_chunk, int backward_chunk)> pair;
  // From the end on one rank until another can begin with it; else zero. Within a rank it is always zero.
  std::function<Picoseconds(int from_rank, int to_rank)> hand_over;
};

struct SlotSpan {
  Picoseconds start;
  Picoseconds end;
};

struct PipelineTiming {
  struct Rank {
    Picoseconds busy;
    Picoseconds idle;   // makespan - busy: the rank's bubble.
    Picoseconds first;  // When its first slot starts, and its last one ends.
    Picoseconds last;
  };

  Picoseconds makespan;                      // From 0 to the end of the last slot.
  std::vector<Rank> ranks;                   // [ranks]
  std::vector<std::vector<SlotSpan>> slots;  // [ranks, slots of the rank], as in the schedule.

  double bubble_share() const;  // Idle over all time of all ranks: 0 to 1.
};

// Exact, when durations do not depend on the micro-batch and ranks never disturb each other: a slot starts when the
// rank's slot before is over and all that its work waits for has been handed over. A schedule that waits for itself is
// an InternalError. Time and memory grow as the slots.
PipelineTiming time_pipeline(const PipelineSchedule& schedule, const PipelineDurations& durations);

// Activations: a rank holds those of a micro-batch in one of its chunks from the start of the forward to the end of the
// backward, or of the weight gradient. How many at most is a matter of the order alone, not of durations.
struct HeldActivations {
  int most = 0;                    // (micro-batch, chunk) pairs at once.
  std::vector<int> most_of_chunk;  // [chunks]; each at its own worst moment.
};
std::vector<HeldActivations> held_activations(const PipelineSchedule& schedule);  // [ranks]

// The most bytes at once on one rank, of which a micro-batch takes `of_chunk` [chunks].
Bytes most_bytes_held(const PipelineSchedule& schedule, int rank, std::span<const Bytes> of_chunk);

}  // namespace moesim
