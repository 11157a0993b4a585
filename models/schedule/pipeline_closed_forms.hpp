#pragma once

#include "models/schedule/pipeline_schedule.hpp"
#include "sim/units.hpp"

namespace moesim {

// What one chunk takes for one micro-batch, on every rank alike; a whole backward takes both gradients' times.
struct ChunkTimes {
  Picoseconds forward;          // F
  Picoseconds input_gradient;   // I
  Picoseconds weight_gradient;  // W
  Picoseconds pair;             // A forward and a backward that overlap, of dualpipe and dualpipe_v: F&B.

  Picoseconds backward() const { return input_gradient + weight_gradient; }  // B
};

// The least that a step can take, without hand-overs, and how long a rank then waits: the bubble, idle time of every
// rank, of DualPipe that of the middle ranks (dualpipe_v: of the last). Hand-overs, and chunks and ranks that are
// slower than these times, only add to it. With p ranks, m micro-batches, and the times of a chunk:
//   gpipe, 1f1b, interleaved  (p - 1)(F + B), exact                            Narayanan et al., arXiv:2104.04473, 2.2
//   zb_h1         (p - 1) max(F + I - W, F, I), exact from m = p on            Qi et al., arXiv:2401.10241, 2.3,
//                 which has the case of W <= F and W <= I
//   zb_v          (p - 1) max(F, F + I - 2W), exact for F = I = W and m >= 2p - 1
//   dualpipe(_v)  (PP/2 - 1) max(F, F&B + F - 2W), exact for W <= I <= F and F + I <= F&B; PP is the number of virtual
//                 stages. With I = F it is the (PP/2 - 1)(F&B + B - 3W) of the table in DualPipe's README.
// docs/models/schedules.md derives what has no source here, and says what zb_h1 and zb_v do with fewer micro-batches.
struct PipelineBound {
  Picoseconds bubble;
  Picoseconds makespan;
};
PipelineBound least_makespan(const PipelineSpec& spec, const ChunkTimes& times);

// The most (micro-batch, chunk) pairs whose activations `rank` holds at once. Exact, but of zb_v with less than
// 2 ranks - 1 micro-batches, where it is a bound from above.
//   gpipe m; 1f1b min(p - rank, m); interleaved min(2 (p - rank - 1) + (v - 1) p + 1, m v); zb_h1 min(p, m);
//   zb_v 2p; dualpipe PP + 1 (README); dualpipe_v 2p + 1.
int most_held(const PipelineSpec& spec, int rank);

}  // namespace moesim
