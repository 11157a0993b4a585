#include "scenarios/schedule_picture.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <numeric>

#include <fmt/format.h>

namespace moesim {

namespace {

constexpr std::int64_t kMaxColumns = 4096;

char letter(WorkKind kind) {
  switch (kind) {
    case WorkKind::forward:
      return 'F';
    case WorkKind::backward:
      return 'B';
    case WorkKind::input_gradient:
      return 'I';
    case WorkKind::weight_gradient:
      return 'W';
  }
  return '?';
}

std::string label(const PipelineWork& work, int chunks) {
  if (chunks > 2) return fmt::format("{}{}.{}", letter(work.kind), work.micro_batch, work.chunk);
  const char kind = letter(work.kind);
  const char shown = work.chunk == 0 ? kind : static_cast<char>(std::tolower(kind));
  return fmt::format("{}{}", shown, work.micro_batch);
}

std::string label(const PipelineSlot& slot, int chunks) {
  return label(slot.work, chunks) + (slot.beside ? "+" + label(*slot.beside, chunks) : "");
}

// Calls each(label, span) for all slots of a rank that take time.
template <typename Each>
void for_shown_slots(const PipelineSchedule& schedule, const PipelineTiming& timing, std::size_t rank,
                     const Each& each) {
  for (std::size_t i = 0; i < timing.slots[rank].size(); ++i) {
    const SlotSpan& span = timing.slots[rank][i];
    if (span.end > span.start) each(label(schedule.slots()[rank][i], schedule.spec().chunks_per_rank), span);
  }
}

// As few columns as give every label its place. With durations that share a unit of time, a unit is a whole number of
// columns.
struct Scale {
  double columns_per_ps = 0;

  std::int64_t column(Picoseconds at) const {
    return static_cast<std::int64_t>(static_cast<double>(at.count) * columns_per_ps + 1e-6);
  }
};

Scale scale_of(const PipelineSchedule& schedule, const PipelineTiming& timing) {
  std::int64_t unit = 0;
  double columns = 0;  // A picosecond, at least.
  for (std::size_t rank = 0; rank < timing.slots.size(); ++rank) {
    for_shown_slots(schedule, timing, rank, [&](const std::string& text, const SlotSpan& span) {
      const std::int64_t takes = (span.end - span.start).count;
      unit = std::gcd(std::gcd(unit, takes), span.start.count);
      columns = std::max(columns, static_cast<double>(text.size()) / static_cast<double>(takes));
    });
  }
  if (unit == 0) return {};
  const double of_unit = std::ceil(columns * static_cast<double>(unit) - 1e-9);
  const Scale whole{of_unit / static_cast<double>(unit)};
  // Where the unit is small, labels would be far apart: then starts are rounded to a column instead.
  const Scale rounded{columns * 1.5};
  return whole.columns_per_ps <= rounded.columns_per_ps ? whole : rounded;
}

}  // namespace

std::vector<std::string> schedule_picture(const PipelineSchedule& schedule, const PipelineTiming& timing) {
  const Scale scale = scale_of(schedule, timing);
  const double width = static_cast<double>(timing.makespan.count) * scale.columns_per_ps;
  if (width > static_cast<double>(kMaxColumns)) return {};
  std::vector<std::string> lines;
  for (std::size_t rank = 0; rank < timing.slots.size(); ++rank) {
    std::string line(static_cast<std::size_t>(scale.column(timing.makespan)), '.');
    for_shown_slots(schedule, timing, rank, [&](const std::string& text, const SlotSpan& span) {
      const auto from = static_cast<std::size_t>(scale.column(span.start));
      const auto to = static_cast<std::size_t>(scale.column(span.end));
      for (std::size_t i = from; i < to; ++i) line[i] = i - from < text.size() ? text[i - from] : '-';
    });
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string schedule_legend(const PipelineSchedule& schedule) {
  bool split = false;
  bool whole = false;
  bool pairs = false;
  for (const PipelineSlot& slot : schedule.slots()[0]) {
    split = split || slot.work.kind == WorkKind::input_gradient;
    whole = whole || slot.work.kind == WorkKind::backward || slot.beside;
    pairs = pairs || slot.beside;
  }
  const int chunks = schedule.spec().chunks_per_rank;
  std::string text = "F forward";
  if (whole) text += ", B backward";
  if (split) text += ", I input gradient, W weight gradient";
  if (pairs) text += ", + overlapped";
  if (chunks == 2) text += "; small letters: chunk 1";
  if (chunks > 2) text += "; after the point: the chunk";
  return text + "; dots: bubble";
}

}  // namespace moesim
