#include <algorithm>
#include <map>

#include "tests/catch.hpp"
#include "tests/schedule/specs.hpp"

namespace moesim {

namespace {

// A spread of durations without any order; not random, so that there is nothing to seed.
std::int64_t uneven(int a, int b, int c) { return 3 + (a * 7 + b * 13 + c * 29 + a * b * 5) % 17; }

PipelineDurations uneven_durations() {
  PipelineDurations durations;
  durations.work = [](WorkKind kind, int rank, int chunk) {
    return Picoseconds{uneven(static_cast<int>(kind), rank, chunk)};
  };
  durations.pair = [](int rank, int forward_chunk, int backward_chunk) {
    return Picoseconds{uneven(rank, forward_chunk, backward_chunk) + 5};
  };
  durations.hand_over = [](int from, int to) { return Picoseconds{uneven(from, to, 3)}; };
  return durations;
}

// The least times that keep all rules, by raising starts until nothing changes.
std::vector<std::vector<SlotSpan>> relaxed(const PipelineSchedule& schedule, const PipelineDurations& durations) {
  const auto& slots = schedule.slots();
  struct At {
    std::size_t rank;
    std::size_t slot;
  };
  std::map<std::tuple<bool, int, int>, At> producers;  // (is a forward, micro-batch, virtual stage)
  std::vector<std::vector<SlotSpan>> spans(slots.size());
  const auto works = [](const PipelineSlot& slot) {
    std::vector<PipelineWork> all{slot.work};
    if (slot.beside) all.push_back(*slot.beside);
    return all;
  };
  const auto duration = [&](const PipelineSlot& slot, int rank) {
    return slot.beside ? durations.pair(rank, slot.work.chunk, slot.beside->chunk)
                       : durations.work(slot.work.kind, rank, slot.work.chunk);
  };
  for (std::size_t rank = 0; rank < slots.size(); ++rank) {
    spans[rank].resize(slots[rank].size());
    for (std::size_t i = 0; i < slots[rank].size(); ++i) {
      for (const PipelineWork& work : works(slots[rank][i])) {
        if (work.kind == WorkKind::weight_gradient) continue;
        const int v = schedule.virtual_stage(work.micro_batch, static_cast<int>(rank), work.chunk);
        producers[{work.kind == WorkKind::forward, work.micro_batch, v}] = {rank, i};
      }
    }
  }
  const auto arrival = [&](bool forward, int m, int v, std::size_t rank) {
    const At at = producers.at({forward, m, v});
    const Picoseconds end = spans[at.rank][at.slot].end;
    if (at.rank == rank) return end;
    return end + durations.hand_over(static_cast<int>(at.rank), static_cast<int>(rank));
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t rank = 0; rank < slots.size(); ++rank) {
      for (std::size_t i = 0; i < slots[rank].size(); ++i) {
        Picoseconds start = i == 0 ? Picoseconds::zero() : spans[rank][i - 1].end;
        for (const PipelineWork& work : works(slots[rank][i])) {
          const int m = work.micro_batch;
          const int v = schedule.virtual_stage(m, static_cast<int>(rank), work.chunk);
          const bool last = v == schedule.virtual_stages() - 1;
          if (work.kind == WorkKind::weight_gradient) {
            start = std::max(start, arrival(false, m, v, rank));
          } else if (work.kind == WorkKind::forward) {
            if (v > 0) start = std::max(start, arrival(true, m, v - 1, rank));
          } else {
            start = std::max(start, arrival(true, m, v, rank));
            if (!last) start = std::max(start, arrival(false, m, v + 1, rank));
          }
        }
        const Picoseconds end = start + duration(slots[rank][i], static_cast<int>(rank));
        changed = changed || end != spans[rank][i].end || start != spans[rank][i].start;
        spans[rank][i] = {start, end};
      }
    }
  }
  return spans;
}

}  // namespace

TEST_CASE("two ranks and two micro-batches of 1F1B by hand, with hand-overs", "[oracle][schedule]") {
  // F 10, B 20, 3 between the ranks.
  //   rank 0: F0 0-10, F1 10-20, B0 from 43 + 3 = 46 to 66, B1 from 73 + 3 = 76 to 96
  //   rank 1: F0 13-23, B0 23-43, F1 (there at 23) 43-53, B1 53-73
  PipelineDurations d = durations(apart(10, 10, 10));
  d.hand_over = [](int, int) { return Picoseconds{3}; };
  const PipelineTiming timing = time_pipeline(make_pipeline_schedule({PipelineKind::one_f_one_b, 2, 2, 1}), d);
  const auto starts = [&](std::size_t rank) {
    std::vector<std::int64_t> all;
    for (const SlotSpan& span : timing.slots[rank]) all.push_back(span.start.count);
    return all;
  };
  CHECK(starts(0) == std::vector<std::int64_t>{0, 10, 46, 76});
  CHECK(starts(1) == std::vector<std::int64_t>{13, 23, 43, 53});
  CHECK(timing.makespan.count == 96);
  CHECK(timing.ranks[0].busy.count == 60);
  CHECK(timing.ranks[0].idle.count == 36);
  CHECK(timing.ranks[1].first.count == 13);
  CHECK(timing.ranks[1].last.count == 73);
  CHECK(timing.bubble_share() == Approx(36.0 / 96));
}

TEST_CASE("starts are the least that keep every rule", "[diff][schedule]") {
  const PipelineDurations uneven = uneven_durations();
  for (const PipelineSpec& spec : all_small_specs()) {
    if (spec.ranks > 6 || spec.micro_batches > 16) continue;
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    const PipelineTiming timing = time_pipeline(schedule, uneven);
    const auto expected = relaxed(schedule, uneven);
    bool same = true;
    for (std::size_t rank = 0; rank < expected.size(); ++rank) {
      for (std::size_t i = 0; i < expected[rank].size(); ++i) {
        same = same && timing.slots[rank][i].start == expected[rank][i].start &&
               timing.slots[rank][i].end == expected[rank][i].end;
      }
    }
    INFO(text(spec));
    CHECK(same);
  }
}

TEST_CASE("a slower hand-over or chunk never makes a schedule faster", "[property][schedule]") {
  // The order is fixed, so that every start is a maximum of sums: what the planner's bounds rest on.
  const PipelineDurations slow = uneven_durations();
  for (const PipelineSpec& spec : all_small_specs()) {
    if (spec.micro_batches > 12) continue;
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    PipelineDurations faster = slow;
    faster.work = [&](WorkKind kind, int rank, int chunk) {
      return kind == WorkKind::forward ? Picoseconds{3} : slow.work(kind, rank, chunk);
    };
    faster.hand_over = nullptr;
    INFO(text(spec));
    CHECK(time_pipeline(schedule, faster).makespan <= time_pipeline(schedule, slow).makespan);
  }
}

TEST_CASE("a pair without a duration of its own takes the sum", "[schedule]") {
  const PipelineSchedule schedule = make_pipeline_schedule({PipelineKind::dualpipe, 4, 12, 2});
  PipelineDurations without = durations(apart(7, 9, 4));
  without.pair = nullptr;
  CHECK(time_pipeline(schedule, without).makespan == time_pipeline(schedule, durations(apart(7, 9, 4))).makespan);
}

}  // namespace moesim
