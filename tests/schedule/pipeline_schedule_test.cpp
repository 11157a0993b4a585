#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/schedule/specs.hpp"

namespace moesim {

namespace {

// (kind, micro-batch, virtual stage) of what has been done.
using Done = std::set<std::tuple<WorkKind, int, int>>;

bool backward_done(const Done& done, int m, int v) {
  return done.count({WorkKind::backward, m, v}) + done.count({WorkKind::input_gradient, m, v}) > 0;
}

// The three rules of the header, from place() alone.
bool may_begin(const PipelineSchedule& schedule, const Done& done, WorkKind kind, int m, int v) {
  switch (kind) {
    case WorkKind::forward:
      return v == 0 || done.count({WorkKind::forward, m, v - 1}) > 0;
    case WorkKind::weight_gradient:
      return done.count({WorkKind::input_gradient, m, v}) > 0;
    case WorkKind::backward:
    case WorkKind::input_gradient:
      return done.count({WorkKind::forward, m, v}) > 0 &&
             (v == schedule.virtual_stages() - 1 || backward_done(done, m, v + 1));
  }
  return false;
}

std::vector<PipelineWork> works(const PipelineSlot& slot) {
  std::vector<PipelineWork> all{slot.work};
  if (slot.beside) all.push_back(*slot.beside);
  return all;
}

}  // namespace

TEST_CASE("places and virtual stages are inverses, and neighbours are at most one rank apart", "[schedule]") {
  for (const PipelineSpec& spec : all_small_specs()) {
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    INFO(text(spec));
    REQUIRE(schedule.virtual_stages() * schedule.layers_copies() == spec.ranks * spec.chunks_per_rank);
    bool inverse = true;
    bool neighbours = true;
    for (int m = 0; m < spec.micro_batches; ++m) {
      for (int v = 0; v < schedule.virtual_stages(); ++v) {
        const StagePlace place = schedule.place(m, v);
        inverse = inverse && schedule.virtual_stage(m, place.rank, place.chunk) == v;
        if (v == 0) continue;
        const int step = place.rank - schedule.place(m, v - 1).rank;
        const bool around = spec.kind == PipelineKind::interleaved && step == 1 - spec.ranks;
        neighbours = neighbours && (std::abs(step) <= 1 || around);
      }
    }
    CHECK(inverse);
    CHECK(neighbours);
  }
}

TEST_CASE("every micro-batch passes every virtual stage once forward and once back", "[schedule]") {
  for (const PipelineSpec& spec : all_small_specs()) {
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    std::map<std::tuple<WorkKind, int, int>, int> count;
    bool at_home = true;
    REQUIRE(schedule.slots().size() == static_cast<std::size_t>(spec.ranks));
    for (int rank = 0; rank < spec.ranks; ++rank) {
      for (const PipelineSlot& slot : schedule.slots()[static_cast<std::size_t>(rank)]) {
        for (const PipelineWork& work : works(slot)) {
          const int v = schedule.virtual_stage(work.micro_batch, rank, work.chunk);
          ++count[{work.kind, work.micro_batch, v}];
          at_home = at_home && schedule.place(work.micro_batch, v) == StagePlace{rank, work.chunk};
        }
      }
    }
    bool once = true;
    for (int m = 0; m < spec.micro_batches; ++m) {
      for (int v = 0; v < schedule.virtual_stages(); ++v) {
        const auto n = [&](WorkKind kind) { return count[{kind, m, v}]; };
        once = once && n(WorkKind::forward) == 1 && n(WorkKind::backward) + n(WorkKind::input_gradient) == 1 &&
               n(WorkKind::weight_gradient) == n(WorkKind::input_gradient);
      }
    }
    INFO(text(spec));
    CHECK(at_home);
    CHECK(once);
  }
}

TEST_CASE("no schedule waits for itself, and pairs are a forward beside a backward", "[schedule]") {
  for (const PipelineSpec& spec : all_small_specs()) {
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    Done done;
    std::vector<std::size_t> next(static_cast<std::size_t>(spec.ranks));
    bool pairs_fit = true;
    // Round after round, each rank does one slot if it may.
    for (bool moved = true; moved;) {
      moved = false;
      for (int rank = 0; rank < spec.ranks; ++rank) {
        auto& at = next[static_cast<std::size_t>(rank)];
        const auto& slots = schedule.slots()[static_cast<std::size_t>(rank)];
        if (at == slots.size()) continue;
        bool ready = true;
        for (const PipelineWork& work : works(slots[at])) {
          const int v = schedule.virtual_stage(work.micro_batch, rank, work.chunk);
          ready = ready && may_begin(schedule, done, work.kind, work.micro_batch, v);
        }
        if (!ready) continue;
        for (const PipelineWork& work : works(slots[at])) {
          done.insert({work.kind, work.micro_batch, schedule.virtual_stage(work.micro_batch, rank, work.chunk)});
        }
        if (slots[at].beside) {
          pairs_fit = pairs_fit && slots[at].work.kind == WorkKind::forward &&
                      slots[at].beside->kind == WorkKind::backward && slots[at].beside->chunk != slots[at].work.chunk;
        }
        ++at;
        moved = true;
      }
    }
    INFO(text(spec));
    CHECK(pairs_fit);
    for (int rank = 0; rank < spec.ranks; ++rank) {
      CHECK(next[static_cast<std::size_t>(rank)] == schedule.slots()[static_cast<std::size_t>(rank)].size());
    }
  }
}

TEST_CASE("DualPipe's second half of micro-batches enters at the other end, as a mirror image", "[schedule]") {
  const int ranks = 8;
  const int micro_batches = 20;  // The figure in DualPipe's README.
  const PipelineSchedule schedule = make_pipeline_schedule({PipelineKind::dualpipe, ranks, micro_batches, 2});
  CHECK(schedule.layers_copies() == 2);
  CHECK(schedule.place(9, 0) == StagePlace{0, 0});
  CHECK(schedule.place(10, 0) == StagePlace{7, 1});
  const auto mirror = [&](PipelineWork work) {
    work.micro_batch = (work.micro_batch + micro_batches / 2) % micro_batches;
    work.chunk = 1 - work.chunk;
    return work;
  };
  for (std::size_t rank = 0; rank < 4; ++rank) {
    std::vector<PipelineSlot> mirrored = schedule.slots()[rank];
    for (PipelineSlot& slot : mirrored) {
      slot.work = mirror(slot.work);
      if (slot.beside) slot.beside = mirror(*slot.beside);
    }
    CHECK(mirrored == schedule.slots()[7 - rank]);
  }
}

TEST_CASE("dualpipe_v is the first half of DualPipe's ranks", "[schedule]") {
  // The other direction's micro-batches of DualPipe are the same ones coming back.
  const PipelineSchedule whole = make_pipeline_schedule({PipelineKind::dualpipe, 8, 24, 2});
  const PipelineSchedule half = make_pipeline_schedule({PipelineKind::dualpipe_v, 4, 12, 2});
  CHECK(half.virtual_stages() == whole.virtual_stages());
  CHECK(half.layers_copies() == 1);
  for (std::size_t rank = 0; rank < 4; ++rank) {
    std::vector<PipelineSlot> slots = whole.slots()[rank];
    for (PipelineSlot& slot : slots) {
      slot.work.micro_batch %= 12;
      if (slot.beside) slot.beside->micro_batch %= 12;
    }
    CHECK(slots == half.slots()[rank]);
  }
}

TEST_CASE("interleaved ranks follow Megatron's table of micro-batches and chunks", "[schedule]") {
  // Figure 4 of Narayanan et al. (arXiv:2104.04473): 4 devices, 8 micro-batches, 2 chunks; the last device begins
  // forward 1 2 3 4 of chunk 0, then 1 of chunk 1 and with it the backwards.
  const PipelineSchedule schedule = make_pipeline_schedule({PipelineKind::interleaved, 4, 8, 2});
  std::string row;
  for (std::size_t i = 0; i < 12; ++i) {
    const PipelineWork& work = schedule.slots()[3][i].work;
    row += fmt::format("{}{}.{} ", work.kind == WorkKind::forward ? "F" : "B", work.micro_batch + 1, work.chunk);
  }
  CHECK(row == "F1.0 F2.0 F3.0 F4.0 F1.1 B1.1 F2.1 B2.1 F3.1 B3.1 F4.1 B4.1 ");
  CHECK(schedule.slots()[3][12].work == PipelineWork{WorkKind::forward, 4, 0});
  CHECK(schedule.slots()[3][13].work == PipelineWork{WorkKind::backward, 0, 0});
}

TEST_CASE("names of schedules are those of scenarios", "[schedule]") {
  for (const std::string_view each : pipeline_kind_names()) CHECK(name(*pipeline_kind(each)) == each);
  CHECK(name(PipelineKind::one_f_one_b) == "1f1b");
  CHECK(name(PipelineKind::dualpipe_v) == "dualpipe_v");
  CHECK_FALSE(pipeline_kind("2f2b"));
}

TEST_CASE("sizes that a schedule does not take are told with what it takes", "[schedule]") {
  const auto reason = [](PipelineKind kind, int ranks, int micro_batches, int chunks) {
    return why_not({kind, ranks, micro_batches, chunks}).value_or("");
  };
  CHECK_THAT(reason(PipelineKind::interleaved, 4, 10, 2), ContainsSubstring("multiple of its 4 ranks"));
  CHECK_THAT(reason(PipelineKind::interleaved, 4, 10, 2), ContainsSubstring("8 or 12"));
  CHECK_THAT(reason(PipelineKind::interleaved, 4, 3, 2), ContainsSubstring("such as 4"));
  CHECK_THAT(reason(PipelineKind::interleaved, 4, 8, 1), ContainsSubstring("at least 2 chunks_per_rank"));
  CHECK_THAT(reason(PipelineKind::interleaved, 1, 8, 2), ContainsSubstring("at least 2 ranks"));
  CHECK_THAT(reason(PipelineKind::dualpipe, 3, 8, 2), ContainsSubstring("even number of ranks"));
  CHECK_THAT(reason(PipelineKind::dualpipe, 4, 9, 2), ContainsSubstring("even number of micro_batches"));
  CHECK_THAT(reason(PipelineKind::dualpipe, 4, 6, 2), ContainsSubstring("here 8"));
  CHECK_THAT(reason(PipelineKind::dualpipe, 4, 8, 1), ContainsSubstring("dualpipe takes 2 as chunks_per_rank"));
  CHECK_THAT(reason(PipelineKind::dualpipe_v, 4, 7, 2), ContainsSubstring("here 8"));
  CHECK_THAT(reason(PipelineKind::zero_bubble_v, 4, 8, 1), ContainsSubstring("takes 2"));
  CHECK_THAT(reason(PipelineKind::one_f_one_b, 4, 8, 2), ContainsSubstring("takes 1"));
  CHECK_THAT(reason(PipelineKind::one_f_one_b, 0, 8, 1), ContainsSubstring("at least 1 rank"));
  CHECK_THAT(reason(PipelineKind::one_f_one_b, 4, 0, 1), ContainsSubstring("at least 1 micro-batch"));
  CHECK_THAT(reason(PipelineKind::one_f_one_b, 1 << 20, 1 << 20, 1), ContainsSubstring("at most"));
  CHECK(reason(PipelineKind::dualpipe_v, 3, 7, 2).empty());
  CHECK_THROWS_AS(make_pipeline_schedule({PipelineKind::dualpipe, 3, 8, 2}), InternalError);
}

}  // namespace moesim
