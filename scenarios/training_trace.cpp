#include "scenarios/training_trace.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

std::string work_name(const PipelineWork& work) {
  constexpr std::array<std::string_view, 4> kLetters{"F", "B", "I", "W"};
  return fmt::format("{} {}", kLetters[static_cast<std::size_t>(work.kind)], work.micro_batch);
}

}  // namespace

void add_training(const TrainingProgram& program, const ParallelSizes& sizes, Timeline& timeline) {
  constexpr std::array<std::string_view, kLanes> kLaneNames{"compute", "exchange", "tensor parallel"};
  const TaskGraph& graph = program.graph();
  std::vector<LaneId> slots;
  std::vector<std::array<LaneId, kLanes>> lanes;
  for (int rank = 0; rank < sizes.pp; ++rank) {
    const RankId first{rank * sizes.stage_ranks()};
    slots.push_back(timeline.add_lane(first, "slots"));
    lanes.emplace_back();
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes.back()[lane] = timeline.add_lane(first, kLaneNames[lane]);
  }
  for (const PlacedSlot& slot : program.slots()) {
    const auto rank = static_cast<std::size_t>(slot.rank);
    const Picoseconds begin = graph.begin(slot.task);
    std::string what = work_name(slot.slot.work);
    if (slot.slot.beside) what += " + " + work_name(*slot.slot.beside);
    timeline.add_slice(slots[rank], what, begin, graph.end(slot.task));
    for (const StepSpan& span : slot.timing->spans) {
      timeline.add_slice(lanes[rank][static_cast<std::size_t>(span.lane)], name(static_cast<TrainingPhase>(span.phase)),
                         begin + span.begin, begin + span.end);
    }
  }
  for (const UpdateTask& update : program.updates()) {
    timeline.add_slice(slots[static_cast<std::size_t>(update.rank)], name(update.phase), graph.begin(update.task),
                       graph.end(update.task));
  }
}

}  // namespace moesim
