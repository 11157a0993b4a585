#include "scenarios/training_text.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr std::size_t kShownRanks = 16;

double seconds(Picoseconds time) { return time.seconds(); }

std::string gigabytes(Bytes bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes.count) / 1e9); }

}  // namespace

std::string training_work_text(const Scenario& scenario, const TrainingWorkload& workload) {
  const ParallelSizes& sizes = scenario.parallelism;
  std::string layout = fmt::format("TP {} CP {} PP {} DP {}", sizes.tp, sizes.cp, sizes.pp, sizes.dp);
  if (scenario.model->moe) layout += fmt::format(" EP {}", sizes.ep);
  return fmt::format("one training step of {}, {} sequences of {} tokens\n{}, {} schedule, ZeRO {}, recompute {}",
                     scenario.model->name, grouped(workload.global_batch), grouped(workload.sequence_length), layout,
                     name(workload.schedule), workload.zero, name(workload.recompute));
}

std::string training_text(const Scenario& scenario, const TrainingResult& training, const ReportStyle& style) {
  std::string text =
      fmt::format("\n{}{}\n", bold("Pipeline", style),
                  faint(fmt::format(" ({} micro-batches on {} ranks; bubble: until the last of them is done)",
                                    training.micro_batches, scenario.parallelism.pp),
                        style));
  text += fmt::format("  {:>4}{:>8}{:>12}{:>11}{:>12}{:>12}{:>10}{:>12}\n", "rank", "layers", "parameters", "computes",
                      "exchanges", "bubble", "update", "memory GB");
  for (std::size_t rank = 0; rank < training.stages.size(); ++rank) {
    if (training.stages.size() > kShownRanks && rank >= kShownRanks / 2 &&
        rank < training.stages.size() - kShownRanks / 2) {
      if (rank == kShownRanks / 2) text += "  ...\n";
      continue;
    }
    const PipelineRankResult& stage = training.stages[rank];
    text += fmt::format("  {:>4}{:>8}{:>12}{:>9.3f} s{:>10.3f} s{:>10.3f} s{:>8.3f} s{:>12}\n", rank, stage.layers,
                        count_text(static_cast<double>(stage.parameters)), seconds(stage.computing),
                        seconds(stage.busy - stage.computing), seconds(stage.bubble), seconds(stage.update),
                        gigabytes(stage.memory.total()));
  }
  text += fmt::format("  {:<30}{:>16}\n", "mean bubble", time_text(training.mean_bubble.us()));
  text += fmt::format("  {:<30}{:>16}   {}\n", "model FLOP/s of a GPU",
                      fmt::format("{:.1f} TFLOP/s", training.model_tflop_per_s_per_gpu),
                      "causal attention, nothing recomputed counted");
  return text;
}

}  // namespace moesim
