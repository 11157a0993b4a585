#include "models/schedule/rank_program.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

void RankProgram::begin_at(int chunk, int micro_batch) { next_[static_cast<std::size_t>(chunk)].begin = micro_batch; }

PipelineWork RankProgram::take(WorkKind kind, int chunk) {
  Next& next = next_[static_cast<std::size_t>(chunk)];
  int& count = kind == WorkKind::forward ? next.forward : next.backward;
  return {kind, next.begin + count++, chunk};
}

void RankProgram::forward_beside_backward(int forward_chunk, int backward_chunk) {
  const PipelineWork forward = take(WorkKind::forward, forward_chunk);
  slots_.push_back({forward, take(WorkKind::backward, backward_chunk)});
}

void RankProgram::input_gradient(int chunk) {
  const PipelineWork work = take(WorkKind::input_gradient, chunk);
  slots_.push_back({work, {}});
  due_.push_back({WorkKind::weight_gradient, work.micro_batch, chunk});
}

void RankProgram::weight_gradient(int chunk) {
  const auto due = std::find_if(due_.begin(), due_.end(), [&](const PipelineWork& w) { return w.chunk == chunk; });
  MOESIM_CHECK(due != due_.end(), "no weight gradient of chunk {} is due", chunk);
  slots_.push_back({*due, {}});
  due_.erase(due);
}

void RankProgram::oldest_weight_gradient() {
  MOESIM_CHECK(!due_.empty(), "no weight gradient is due");
  slots_.push_back({due_.front(), {}});
  due_.pop_front();
}

}  // namespace moesim
