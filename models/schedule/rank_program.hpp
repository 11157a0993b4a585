#pragma once

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "models/schedule/pipeline_schedule.hpp"

namespace moesim {

// The slots of one rank while a schedule writes them. The micro-batches of a chunk come in order, in every kind of
// work, so that a step says only what kind of work comes next in which chunk.
class RankProgram {
 public:
  explicit RankProgram(int chunks) : next_(static_cast<std::size_t>(chunks)) {}

  // The first micro-batch that a chunk sees; 0 unless this says otherwise.
  void begin_at(int chunk, int micro_batch);

  void forward(int chunk) { slots_.push_back({take(WorkKind::forward, chunk), {}}); }
  void backward(int chunk) { slots_.push_back({take(WorkKind::backward, chunk), {}}); }
  void forward_beside_backward(int forward_chunk, int backward_chunk);
  // A weight gradient is then due, in the order of the input gradients: of its chunk, or of all chunks.
  void input_gradient(int chunk);
  void weight_gradient(int chunk);
  void oldest_weight_gradient();

  int forwards(int chunk) const { return next_[static_cast<std::size_t>(chunk)].forward; }    // So far.
  int backwards(int chunk) const { return next_[static_cast<std::size_t>(chunk)].backward; }  // Of either kind.
  std::size_t weight_gradients_due() const { return due_.size(); }

  std::vector<PipelineSlot> slots() && { return std::move(slots_); }

 private:
  struct Next {  // Counts of micro-batches.
    int begin = 0;
    int forward = 0;
    int backward = 0;
  };
  PipelineWork take(WorkKind kind, int chunk);

  std::vector<Next> next_;  // [chunks]
  std::deque<PipelineWork> due_;
  std::vector<PipelineSlot> slots_;
};

// Each writes the slots of one rank. docs/models/schedules.md says what each does; why_not(spec) has been asked.
std::vector<PipelineSlot> gpipe_slots(const PipelineSpec& spec);
std::vector<PipelineSlot> one_f_one_b_slots(const PipelineSpec& spec, int rank);
std::vector<PipelineSlot> interleaved_slots(const PipelineSpec& spec, int rank);
std::vector<PipelineSlot> zero_bubble_h1_slots(const PipelineSpec& spec, int rank);
std::vector<PipelineSlot> zero_bubble_v_slots(const PipelineSpec& spec, int rank);
std::vector<PipelineSlot> dualpipe_slots(const PipelineSpec& spec, int rank);  // dualpipe_v too.

}  // namespace moesim
