#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// In which order the ranks of a pipeline work on the micro-batches of one training step. docs/models/schedules.md has a
// picture of each, its bubble and its activations.
enum class PipelineKind {
  gpipe,           // All forwards, then all backwards (Huang et al., arXiv:1811.06965).
  one_f_one_b,     // A backward as soon as there is one (PipeDream-Flush; Narayanan et al., arXiv:2104.04473, 2.2.1).
  interleaved,     // The same with several chunks a rank, as Megatron-LM orders them (2.2.2 there).
  zero_bubble_h1,  // Weight gradients apart, in 1F1B's memory (Qi et al., arXiv:2401.10241, 2.1).
  zero_bubble_v,   // The same with two chunks a rank, laid out as a V (Qi et al., arXiv:2405.15362: V-ZB).
  dualpipe,        // Micro-batches from both ends, forwards beside backwards (DeepSeek-V3, arXiv:2412.19437, 3.2.1).
  dualpipe_v,      // DualPipe folded in the middle: half of the ranks, one copy of the parameters.
};
// As scenarios write them: gpipe, 1f1b, interleaved, zb_h1, zb_v, dualpipe, dualpipe_v.
std::optional<PipelineKind> pipeline_kind(std::string_view name);
std::string_view name(PipelineKind kind);
std::span<const std::string_view> pipeline_kind_names();

enum class WorkKind {
  forward,
  backward,         // Both gradients in one.
  input_gradient,   // What the stage before waits for ("B" where a schedule splits the backward).
  weight_gradient,  // What nobody waits for ("W").
};

// One chunk of layers at work on one micro-batch.
struct PipelineWork {
  WorkKind kind = WorkKind::forward;
  int micro_batch = 0;
  int chunk = 0;  // Among those of the rank.
  friend bool operator==(const PipelineWork&, const PipelineWork&) = default;
};

// What a rank does next; `beside` is overlapped with `work`: DualPipe's backward beside a forward. Both begin and end
// together.
struct PipelineSlot {
  PipelineWork work;
  std::optional<PipelineWork> beside;
  friend bool operator==(const PipelineSlot&, const PipelineSlot&) = default;
};

struct PipelineSpec {
  PipelineKind kind = PipelineKind::one_f_one_b;
  int ranks = 1;            // "PP".
  int micro_batches = 1;    // Of one step; of DualPipe those of both directions.
  int chunks_per_rank = 1;  // Parts of the model that a rank has; chunks_of(kind) where the schedule fixes it.
};

// Chunks a rank of a schedule that fixes them: 2 for zb_v and the DualPipes, nothing for interleaved, else 1.
std::optional<int> chunks_of(PipelineKind kind);

// Why there is no such schedule, as the end of a sentence that begins with what was found: "interleaved takes a
// multiple of its 4 ranks, 8 or 12 micro_batches". Nothing if there is one.
std::optional<std::string> why_not(const PipelineSpec& spec);

// Where a virtual stage is. A micro-batch passes the virtual stages 0, 1, ... forward, and back.
struct StagePlace {
  int rank = 0;
  int chunk = 0;
  friend bool operator==(const StagePlace&, const StagePlace&) = default;
};

// Every rank's ordered slots. Immutable. With F(m, v) the forward of micro-batch m in virtual stage v, what waits for
// what follows from place(): F(m, v) for F(m, v - 1); B(m, v), a backward or an input gradient, for B(m, v + 1) and
// F(m, v); W(m, v) for B(m, v). A rank does one slot after another.
class PipelineSchedule {
 public:
  const PipelineSpec& spec() const { return spec_; }
  const std::vector<std::vector<PipelineSlot>>& slots() const { return slots_; }  // [ranks]
  // How many a micro-batch passes: ranks x chunks_per_rank / layers_copies().
  int virtual_stages() const;
  // In DualPipe the second half of the micro-batches enters at the last rank, into chunk 1.
  StagePlace place(int micro_batch, int virtual_stage) const;
  // The inverse; chunk 0 of DualPipe is for the first half of the micro-batches alone, chunk 1 for the second.
  int virtual_stage(int micro_batch, int rank, int chunk) const;
  // Ranks that hold the same layer: 2 for DualPipe, else 1.
  int layers_copies() const;

 private:
  friend PipelineSchedule make_pipeline_schedule(const PipelineSpec& spec);
  explicit PipelineSchedule(const PipelineSpec& spec) : spec_(spec) {}

  PipelineSpec spec_;
  std::vector<std::vector<PipelineSlot>> slots_;
};

// What why_not() speaks against is an InternalError: who reads input asks first.
PipelineSchedule make_pipeline_schedule(const PipelineSpec& spec);

}  // namespace moesim
