#include "tests/schedule/specs.hpp"

#include <fmt/format.h>

namespace moesim {

std::vector<PipelineSpec> all_small_specs(PipelineKind kind) {
  std::vector<PipelineSpec> specs;
  for (int ranks = 1; ranks <= 8; ++ranks) {
    for (int micro_batches = 1; micro_batches <= 26; ++micro_batches) {
      for (int chunks = 1; chunks <= 4; ++chunks) {
        const PipelineSpec spec{kind, ranks, micro_batches, chunks};
        if (!why_not(spec)) specs.push_back(spec);
      }
    }
  }
  return specs;
}

std::vector<PipelineSpec> all_small_specs() {
  std::vector<PipelineSpec> specs;
  for (const std::string_view name : pipeline_kind_names()) {
    const auto more = all_small_specs(*pipeline_kind(name));
    specs.insert(specs.end(), more.begin(), more.end());
  }
  return specs;
}

std::string text(const PipelineSpec& spec) {
  return fmt::format("{}, {} ranks, {} micro-batches, {} chunks a rank", name(spec.kind), spec.ranks,
                     spec.micro_batches, spec.chunks_per_rank);
}

PipelineDurations durations(const Times& times) {
  PipelineDurations durations;
  durations.work = [times](WorkKind kind, int, int) -> Picoseconds {
    switch (kind) {
      case WorkKind::forward:
        return {times.forward};
      case WorkKind::backward:
        return {times.backward()};
      case WorkKind::input_gradient:
        return {times.input_gradient};
      case WorkKind::weight_gradient:
        return {times.weight_gradient};
    }
    return {};
  };
  durations.pair = [times](int, int, int) { return Picoseconds{times.pair}; };
  return durations;
}

ChunkTimes chunk_times(const Times& times) {
  return {{times.forward}, {times.input_gradient}, {times.weight_gradient}, {times.pair}};
}

}  // namespace moesim
