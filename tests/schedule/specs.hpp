#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/schedule/pipeline_closed_forms.hpp"
#include "models/schedule/pipeline_timing.hpp"

namespace moesim {

// Every schedule that there is with these sizes: ranks 1 to 8, micro-batches 1 to 26, chunks 1 to 4.
std::vector<PipelineSpec> all_small_specs();
std::vector<PipelineSpec> all_small_specs(PipelineKind kind);

std::string text(const PipelineSpec& spec);

// On every rank and chunk alike.
struct Times {
  std::int64_t forward;
  std::int64_t input_gradient;
  std::int64_t weight_gradient;
  std::int64_t pair;

  std::int64_t backward() const { return input_gradient + weight_gradient; }
};
inline Times apart(std::int64_t forward, std::int64_t input_gradient, std::int64_t weight_gradient) {
  return {forward, input_gradient, weight_gradient, forward + input_gradient + weight_gradient};
}
PipelineDurations durations(const Times& times);
ChunkTimes chunk_times(const Times& times);

}  // namespace moesim
