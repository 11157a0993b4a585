#include "scenarios/show_schedule.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/schedule/pipeline_closed_forms.hpp"
#include "models/schedule/pipeline_timing.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/schedule_picture.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

// Micro-batches of a rank's share of the layers that a chunk is: half of one for a rank with two halves, a whole one
// for DualPipe's ranks, which hold two shares.
double share_of_chunk(const PipelineSchedule& schedule) {
  return static_cast<double>(schedule.layers_copies()) / schedule.spec().chunks_per_rank;
}

ChunkTimes chunk_times(const ScheduleQuestion& question, double share) {
  const double weight_us = question.weight_us.value_or(question.backward_us / 2);
  ChunkTimes times;
  times.forward = Picoseconds::from_us(question.forward_us * share);
  times.weight_gradient = Picoseconds::from_us(weight_us * share);
  times.input_gradient = Picoseconds::from_us((question.backward_us - weight_us) * share);
  times.pair = question.pair_us ? Picoseconds::from_us(*question.pair_us * share) : times.forward + times.backward();
  return times;
}

// One schedule at work: all that the reports say is in it.
struct ScheduleRun {
  PipelineSchedule schedule;
  ChunkTimes times;
  PipelineTiming timing;
  std::vector<HeldActivations> held;

  double micro_batches_held(std::size_t rank) const { return held[rank].most * share_of_chunk(schedule); }
  double most_micro_batches_held() const {
    double most = 0;
    for (std::size_t rank = 0; rank < held.size(); ++rank) most = std::max(most, micro_batches_held(rank));
    return most;
  }
};

PipelineSpec spec_of(const ScheduleQuestion& question, PipelineKind kind) {
  return {kind, question.ranks, question.micro_batches, chunks_of(kind).value_or(question.chunks.value_or(2))};
}

ScheduleRun run_schedule(const ScheduleQuestion& question, const PipelineSpec& spec) {
  PipelineSchedule schedule = make_pipeline_schedule(spec);
  const ChunkTimes times = chunk_times(question, share_of_chunk(schedule));
  PipelineDurations durations;
  durations.work = [&](WorkKind kind, int, int) {
    switch (kind) {
      case WorkKind::forward:
        return times.forward;
      case WorkKind::backward:
        return times.backward();
      case WorkKind::input_gradient:
        return times.input_gradient;
      case WorkKind::weight_gradient:
        return times.weight_gradient;
    }
    return Picoseconds::zero();
  };
  durations.pair = [&](int, int, int) { return times.pair; };
  durations.hand_over = [&](int, int) { return Picoseconds::from_us(question.hand_over_us); };
  PipelineTiming timing;
  try {
    timing = time_pipeline(schedule, durations);
  } catch (const TimeRangeError& error) {
    throw InputError(fmt::format("show schedule: {}", error.what()));
  }
  std::vector<HeldActivations> held = held_activations(schedule);
  return {std::move(schedule), times, std::move(timing), std::move(held)};
}

std::string times_text(const ScheduleQuestion& question) {
  const double weight_us = question.weight_us.value_or(question.backward_us / 2);
  std::string text = fmt::format("of a rank's share of the layers: forward {}, backward {} (weight gradient {})",
                                 time_text(question.forward_us), time_text(question.backward_us), time_text(weight_us));
  if (question.pair_us) text += fmt::format(", overlapped {}", time_text(*question.pair_us));
  if (question.hand_over_us > 0) text += fmt::format("; hand-over {}", time_text(question.hand_over_us));
  return text;
}

std::string run_text(const ScheduleQuestion& question, const ScheduleRun& run, const ReportStyle& style) {
  const PipelineSpec& spec = run.schedule.spec();
  std::string text = bold(fmt::format("{}: {} ranks, {} micro-batches, {} virtual stages", name(spec.kind), spec.ranks,
                                      spec.micro_batches, run.schedule.virtual_stages()),
                          style) +
                     "\n" + times_text(question) + "\n\n";
  const std::vector<std::string> picture = schedule_picture(run.schedule, run.timing);
  if (picture.empty()) text += "(too wide for a picture)\n";
  const std::size_t digits = std::to_string(spec.ranks - 1).size();
  for (std::size_t rank = 0; rank < picture.size(); ++rank) {
    text += fmt::format("{:>{}} {}\n", rank, digits, picture[rank]);
  }
  text += "\n" + faint(schedule_legend(run.schedule), style) + "\n\n";
  const PipelineBound least = least_makespan(spec, run.times);
  text += fmt::format("step                      {}, at least {} by the closed form\n",
                      time_text(run.timing.makespan.us()), time_text(least.makespan.us()));
  text += fmt::format("bubble                    {} of the ranks' time; {} on rank 0\n",
                      percent_text(run.timing.bubble_share()), time_text(run.timing.ranks[0].idle.us()));
  text += "micro-batches in flight  ";
  constexpr std::size_t kMostShown = 16;
  for (std::size_t rank = 0; rank < std::min(run.held.size(), kMostShown); ++rank) {
    text += fmt::format(" {:g}", run.micro_batches_held(rank));
  }
  if (run.held.size() > kMostShown) text += " ...";
  text += ", by rank\n";
  if (run.schedule.layers_copies() > 1) {
    text += fmt::format("copies of the layers      {}\n", run.schedule.layers_copies());
  }
  return text;
}

std::string work_name(WorkKind kind) {
  switch (kind) {
    case WorkKind::forward:
      return "forward";
    case WorkKind::backward:
      return "backward";
    case WorkKind::input_gradient:
      return "input_gradient";
    case WorkKind::weight_gradient:
      return "weight_gradient";
  }
  return "";
}

ordered_json work_json(const PipelineWork& work) {
  return {{"work", work_name(work.kind)}, {"micro_batch", work.micro_batch}, {"chunk", work.chunk}};
}

ordered_json ranks_json(const ScheduleRun& run) {
  ordered_json ranks = ordered_json::array();
  for (std::size_t rank = 0; rank < run.held.size(); ++rank) {
    ordered_json slots = ordered_json::array();
    for (std::size_t i = 0; i < run.timing.slots[rank].size(); ++i) {
      const PipelineSlot& slot = run.schedule.slots()[rank][i];
      ordered_json one = work_json(slot.work);
      if (slot.beside) one["beside"] = work_json(*slot.beside);
      one["start_us"] = run.timing.slots[rank][i].start.us();
      one["end_us"] = run.timing.slots[rank][i].end.us();
      slots.push_back(std::move(one));
    }
    ranks.push_back({{"busy_us", run.timing.ranks[rank].busy.us()},
                     {"bubble_us", run.timing.ranks[rank].idle.us()},
                     {"micro_batches_in_flight", run.micro_batches_held(rank)},
                     {"slots", std::move(slots)}});
  }
  return ranks;
}

ordered_json run_json(const ScheduleRun& run) {
  const PipelineSpec& spec = run.schedule.spec();
  return {{"schedule", name(spec.kind)},
          {"ranks", spec.ranks},
          {"micro_batches", spec.micro_batches},
          {"chunks_per_rank", spec.chunks_per_rank},
          {"virtual_stages", run.schedule.virtual_stages()},
          {"layers_copies", run.schedule.layers_copies()},
          {"time_us", run.timing.makespan.us()},
          {"least_time_us", least_makespan(spec, run.times).makespan.us()},
          {"bubble_share", run.timing.bubble_share()},
          {"micro_batches_in_flight", run.most_micro_batches_held()}};
}

std::string list_text(const ScheduleQuestion& question, const ReportStyle& style) {
  std::string text =
      fmt::format("{} ranks, {} micro-batches; {}\n\n", question.ranks, question.micro_batches, times_text(question));
  text += bold(fmt::format("{:<13}{:>8}{:>12}{:>10}{:>25}{:>18}", "name", "chunks", "step", "bubble",
                           "micro-batches in flight", "layers' copies"),
               style) +
          "\n";
  for (const std::string_view each : pipeline_kind_names()) {
    const PipelineSpec spec = spec_of(question, *pipeline_kind(each));
    if (const auto reason = why_not(spec)) {
      text += fmt::format("{:<13}{}\n", each, faint("    " + *reason, style));
      continue;
    }
    const ScheduleRun run = run_schedule(question, spec);
    text += fmt::format("{:<13}{:>8}{:>12}{:>10}{:>25g}{:>18}\n", each, spec.chunks_per_rank,
                        time_text(run.timing.makespan.us()), percent_text(run.timing.bubble_share()),
                        run.most_micro_batches_held(), run.schedule.layers_copies());
  }
  return text;
}

std::string list_json(const ScheduleQuestion& question) {
  ordered_json all = ordered_json::object();
  for (const std::string_view each : pipeline_kind_names()) {
    const PipelineSpec spec = spec_of(question, *pipeline_kind(each));
    const auto reason = why_not(spec);
    all[std::string(each)] = reason ? ordered_json{{"impossible", *reason}} : run_json(run_schedule(question, spec));
  }
  return pretty_json(all);
}

PipelineKind asked_kind(const std::string& asked) {
  if (const auto kind = pipeline_kind(asked)) return *kind;
  std::string expected = "one of";
  for (const std::string_view each : pipeline_kind_names()) expected += fmt::format(" {}", each);
  if (const auto nearest = nearest_name(asked, pipeline_kind_names())) {
    expected += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  throw InputError("show schedule", "NAME", "\"" + shorten_text(asked) + "\"", expected);
}

void check_times(const ScheduleQuestion& question) {
  if (question.weight_us && *question.weight_us > question.backward_us) {
    throw InputError("show schedule", "--weight", fmt::format("{}", *question.weight_us),
                     fmt::format("at most the whole backward, {}", question.backward_us));
  }
}

}  // namespace

CardReport show_schedule(const ScheduleQuestion& question) {
  check_times(question);
  if (question.name.empty()) {
    return {[question] { return list_json(question); },
            [question](const ReportStyle& style) { return list_text(question, style); }};
  }
  const PipelineKind kind = asked_kind(question.name);
  const PipelineSpec spec = spec_of(question, kind);
  if (question.chunks && chunks_of(kind) && *question.chunks != *chunks_of(kind)) {
    throw InputError("show schedule", "--chunks", std::to_string(*question.chunks),
                     fmt::format("{}: {} has no other", *chunks_of(kind), question.name));
  }
  if (const auto reason = why_not(spec)) {
    throw InputError(fmt::format("show schedule: {} ranks, {} micro-batches, {} chunks a rank: {}", spec.ranks,
                                 spec.micro_batches, spec.chunks_per_rank, *reason));
  }
  const auto run = std::make_shared<const ScheduleRun>(run_schedule(question, spec));
  return {[run] {
            ordered_json json = run_json(*run);
            json["by_rank"] = ranks_json(*run);
            return pretty_json(json);
          },
          [question, run](const ReportStyle& style) { return run_text(question, *run, style); }};
}

}  // namespace moesim
