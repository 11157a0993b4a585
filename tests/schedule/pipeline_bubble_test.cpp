// The bubbles of published tables, as whole numbers of picoseconds: no tolerance. F is a forward, I an input gradient,
// W a weight gradient, B = I + W, all of one chunk; p ranks, m micro-batches.
#include "tests/catch.hpp"
#include "tests/schedule/specs.hpp"

namespace moesim {

namespace {

PipelineTiming run(const PipelineSpec& spec, const Times& times) {
  return time_pipeline(make_pipeline_schedule(spec), durations(times));
}

// Each rank's idle time, if they all have the same; else -1.
std::int64_t bubble_of_all(const PipelineTiming& timing) {
  for (const PipelineTiming::Rank& rank : timing.ranks) {
    if (rank.idle != timing.ranks[0].idle) return -1;
  }
  return timing.ranks[0].idle.count;
}

const std::vector<Times> kAnyTimes = {apart(10, 10, 10), apart(7, 13, 3), apart(13, 5, 11),
                                      apart(5, 5, 0),    apart(1, 20, 9), apart(9, 2, 20)};

}  // namespace

TEST_CASE("GPipe and 1F1B wait (p - 1)(F + B), whatever F and B", "[oracle][schedule]") {
  // Narayanan et al. (arXiv:2104.04473), 2.2.1.
  for (const PipelineKind kind : {PipelineKind::gpipe, PipelineKind::one_f_one_b}) {
    for (const PipelineSpec& spec : all_small_specs(kind)) {
      for (const Times& t : kAnyTimes) {
        INFO(text(spec));
        CHECK(bubble_of_all(run(spec, t)) == (spec.ranks - 1) * (t.forward + t.backward()));
      }
    }
  }
}

TEST_CASE("v chunks a rank divide the bubble by v", "[oracle][schedule]") {
  // 2.2.2 there: (p - 1)(F + B) / v for F and B of all chunks. Chunks of 1/v of these times make it exact.
  for (const PipelineSpec& spec : all_small_specs(PipelineKind::interleaved)) {
    for (const Times& t : kAnyTimes) {
      INFO(text(spec));
      const std::int64_t of_all_chunks = spec.chunks_per_rank * (t.forward + t.backward());
      CHECK(bubble_of_all(run(spec, t)) * spec.chunks_per_rank == (spec.ranks - 1) * of_all_chunks);
    }
  }
}

TEST_CASE("ZB-H1 waits (p - 1)(F + I - W) while W is the shortest", "[oracle][schedule]") {
  // Qi et al. (arXiv:2401.10241), 2.3; (PP - 1)(F + B - 2W) in the table of DualPipe's README. Needs m >= p.
  for (const PipelineSpec& spec : all_small_specs(PipelineKind::zero_bubble_h1)) {
    if (spec.micro_batches < spec.ranks) continue;
    for (const Times& t : {apart(10, 10, 10), apart(7, 13, 3), apart(13, 5, 5), apart(5, 5, 0), apart(8, 12, 8)}) {
      INFO(text(spec));
      CHECK(bubble_of_all(run(spec, t)) == (spec.ranks - 1) * (t.forward + t.backward() - 2 * t.weight_gradient));
    }
  }
}

TEST_CASE("ZB-H1 with equal times has a third of 1F1B's bubble", "[oracle][schedule]") {
  // The same paper, 2.1.
  const Times equal = apart(10, 10, 10);
  for (int ranks = 2; ranks <= 8; ++ranks) {
    const PipelineTiming zero_bubble = run({PipelineKind::zero_bubble_h1, ranks, 2 * ranks, 1}, equal);
    const PipelineTiming plain = run({PipelineKind::one_f_one_b, ranks, 2 * ranks, 1}, equal);
    CHECK(3 * bubble_of_all(zero_bubble) == bubble_of_all(plain));
  }
}

TEST_CASE("ZB-V with equal times never waits between its first and its last slot", "[oracle][schedule]") {
  // Qi et al. (arXiv:2405.15362): no bubble for F = I = W. The ranks begin one F of a chunk after another, which is
  // what is left of it in a step that ends for all ranks at once. Needs m >= 2p - 1 to fill the ranks.
  for (const PipelineSpec& spec : all_small_specs(PipelineKind::zero_bubble_v)) {
    if (spec.micro_batches < 2 * spec.ranks - 1) continue;
    const PipelineTiming timing = run(spec, apart(10, 10, 10));
    INFO(text(spec));
    CHECK(bubble_of_all(timing) == (spec.ranks - 1) * 10);
    for (int rank = 0; rank < spec.ranks; ++rank) {
      const PipelineTiming::Rank& r = timing.ranks[static_cast<std::size_t>(rank)];
      CHECK(r.first.count == rank * 10);
      CHECK(r.last - r.first == r.busy);
    }
  }
}

TEST_CASE("DualPipe's middle ranks wait (PP/2 - 1)(F&B + B - 3W)", "[oracle][schedule]") {
  // The table in DualPipe's README. It holds for F = I, W <= F, and pairs that take from F + I (the weight gradient
  // quite hidden) to F + B (nothing hidden).
  for (const Times& t : {Times{10, 10, 10, 30}, Times{10, 10, 10, 24}, Times{10, 10, 10, 20}, Times{10, 10, 6, 26},
                         Times{10, 10, 6, 21}, Times{10, 10, 0, 20}}) {
    const std::int64_t each = t.pair + t.backward() - 3 * t.weight_gradient;
    for (const PipelineSpec& spec : all_small_specs(PipelineKind::dualpipe)) {
      const PipelineTiming timing = run(spec, t);
      INFO(text(spec));
      for (const int rank : {spec.ranks / 2 - 1, spec.ranks / 2}) {
        CHECK(timing.ranks[static_cast<std::size_t>(rank)].idle.count == (spec.ranks / 2 - 1) * each);
      }
      if (t.pair == t.forward + t.backward()) CHECK(bubble_of_all(timing) == (spec.ranks / 2 - 1) * each);
    }
    // Folded, twice as many virtual stages as ranks.
    for (const PipelineSpec& spec : all_small_specs(PipelineKind::dualpipe_v)) {
      INFO(text(spec));
      CHECK(run(spec, t).ranks.back().idle.count == (spec.ranks - 1) * each);
    }
  }
}

TEST_CASE("closed forms are never above the schedule, and exact where they say so", "[property][schedule]") {
  const auto exact = [](const PipelineSpec& spec, const Times& t) {
    switch (spec.kind) {
      case PipelineKind::gpipe:
      case PipelineKind::one_f_one_b:
      case PipelineKind::interleaved:
        return true;
      case PipelineKind::zero_bubble_h1:
        return spec.micro_batches >= spec.ranks || t.weight_gradient <= t.input_gradient;
      case PipelineKind::zero_bubble_v:
        return t.forward == t.input_gradient && t.forward == t.weight_gradient &&
               spec.micro_batches >= 2 * spec.ranks - 1;
      case PipelineKind::dualpipe:
      case PipelineKind::dualpipe_v:
        return t.weight_gradient <= t.input_gradient && t.input_gradient <= t.forward &&
               t.forward + t.input_gradient <= t.pair;
    }
    return false;
  };
  int exact_points = 0;
  int points = 0;
  for (const PipelineSpec& spec : all_small_specs()) {
    const bool pairs = spec.kind == PipelineKind::dualpipe || spec.kind == PipelineKind::dualpipe_v;
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    for (std::int64_t forward : {6, 10, 15}) {
      for (std::int64_t input : {6, 10, 15}) {
        for (std::int64_t weight : {0, 4, 10, 19}) {
          const Times alone = apart(forward, input, weight);
          for (std::int64_t percent : {60, 85, 100, 120}) {
            if (!pairs && percent != 100) continue;
            const Times t{forward, input, weight, alone.pair * percent / 100};
            const Picoseconds makespan = time_pipeline(schedule, durations(t)).makespan;
            const PipelineBound bound = least_makespan(spec, chunk_times(t));
            ++points;
            exact_points += exact(spec, t) ? 1 : 0;
            if (bound.makespan <= makespan && (!exact(spec, t) || bound.makespan == makespan)) continue;
            FAIL_CHECK(text(spec) << ", F " << forward << ", I " << input << ", W " << weight << ", F&B " << t.pair
                                  << ": " << bound.makespan.count << " against " << makespan.count);
          }
        }
      }
    }
  }
  CHECK(points > 40'000);
  CHECK(exact_points > points / 4);
}

TEST_CASE("the order of published schedules: GPipe = 1F1B > interleaved > ZB-H1 > ZB-V, DualPipe", "[schedule]") {
  // Equal layers on 8 ranks, 16 micro-batches; F = I = W = 20 of a rank's share of the layers.
  const auto makespan = [](PipelineKind kind, int chunks, int parts) {
    return run({kind, 8, 16, chunks}, apart(20 / parts, 20 / parts, 20 / parts)).makespan.count;
  };
  CHECK(makespan(PipelineKind::gpipe, 1, 1) == 16 * 60 + 7 * 60);
  CHECK(makespan(PipelineKind::one_f_one_b, 1, 1) == 16 * 60 + 7 * 60);
  CHECK(makespan(PipelineKind::interleaved, 2, 2) == 16 * 60 + 7 * 30);
  CHECK(makespan(PipelineKind::zero_bubble_h1, 1, 1) == 16 * 60 + 7 * 20);
  CHECK(makespan(PipelineKind::dualpipe, 2, 1) == 16 * 60 + 3 * 40);
  CHECK(makespan(PipelineKind::zero_bubble_v, 2, 2) == 16 * 60 + 7 * 10);
}

}  // namespace moesim
