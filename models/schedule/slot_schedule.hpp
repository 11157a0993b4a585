#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/units.hpp"

namespace moesim {

// What a step occupies on its rank. Each does one thing at a time.
enum class Lane : std::uint8_t {
  compute,
  exchange,  // Of token copies.
  tensor,    // Collectives of tensor and context parallelism.
};
inline constexpr int kLanes = 3;

// One piece of the work of a micro-batch on a rank.
struct ChainStep {
  int phase = 0;  // Whatever the caller numbers.
  Lane lane = Lane::compute;
  Picoseconds time;
  int after = -1;         // The step of the chain that it waits for; -1: none.
  bool deferred = false;  // Nothing waits for it (weight gradients): a lane does it when nothing else is ready.
};

// The steps of one pass of one micro-batch through the layers of a chunk, each after those that it waits for.
class Chain {
 public:
  // Waits for the last step that was not deferred or beside it.
  void then(int phase, Lane lane, Picoseconds time);
  void deferred(int phase, Picoseconds time);           // Compute that nothing waits for.
  void beside(int phase, Lane lane, Picoseconds time);  // As then(), but what follows does not wait for it.
  void append(const Chain& next);                       // Its first steps wait for this one's last.

  std::span<const ChainStep> steps() const { return steps_; }

 private:
  std::vector<ChainStep> steps_;
  int last_ = -1;  // That the next step waits for.
};

struct StepSpan {
  int chain = 0;
  int step = 0;
  int phase = 0;
  Lane lane = Lane::compute;
  Picoseconds begin;
  Picoseconds end;
};

// What became of one or two chains that share the lanes of a rank from one moment on.
struct SlotTiming {
  Picoseconds time;                                 // Until the last step has ended.
  std::vector<StepSpan> spans;                      // In the order in which they began.
  std::vector<std::pair<int, Picoseconds>> phases;  // On the critical path, ascending phases; sums to `time`.
  Picoseconds busy[kLanes] = {};
};

// Runs the chains beside each other. A lane takes the ready step that became ready first; of equals one that is not
// deferred, then the earlier chain. No lane waits while it has a step that is ready, and none is interrupted.
SlotTiming schedule_slot(std::span<const Chain* const> chains);

}  // namespace moesim
