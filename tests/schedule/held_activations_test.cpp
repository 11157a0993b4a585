#include <algorithm>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/schedule/specs.hpp"

namespace moesim {

namespace {

std::vector<int> most_of_ranks(const PipelineSpec& spec) {
  std::vector<int> most;
  for (const HeldActivations& rank : held_activations(make_pipeline_schedule(spec))) most.push_back(rank.most);
  return most;
}

}  // namespace

TEST_CASE("GPipe holds all micro-batches, 1F1B as many as ranks follow", "[oracle][schedule]") {
  CHECK(most_of_ranks({PipelineKind::gpipe, 4, 11, 1}) == std::vector<int>{11, 11, 11, 11});
  CHECK(most_of_ranks({PipelineKind::one_f_one_b, 4, 11, 1}) == std::vector<int>{4, 3, 2, 1});
  CHECK(most_of_ranks({PipelineKind::one_f_one_b, 4, 2, 1}) == std::vector<int>{2, 2, 2, 1});
}

TEST_CASE("interleaved holds its warm-up and one more chunk", "[oracle][schedule]") {
  // Megatron's warm-up of 2 (p - rank - 1) + (v - 1) p chunks, and the forward after it. On the first rank that is
  // 1 + (p - 1) / (p v) of what 1F1B's holds (Korthikanti et al., arXiv:2205.05198): (3 p - 1) / 2p for v = 2.
  CHECK(most_of_ranks({PipelineKind::interleaved, 4, 8, 2}) == std::vector<int>{11, 9, 7, 5});
  CHECK(most_of_ranks({PipelineKind::interleaved, 4, 8, 3}) == std::vector<int>{15, 13, 11, 9});
  for (const PipelineSpec& spec : all_small_specs(PipelineKind::interleaved)) {
    if (spec.micro_batches < 2 * spec.ranks) continue;
    INFO(text(spec));
    CHECK(most_of_ranks(spec)[0] == spec.ranks * spec.chunks_per_rank + spec.ranks - 1);
  }
}

TEST_CASE("zero-bubble schedules hold what 1F1B's first rank holds, on every rank", "[oracle][schedule]") {
  // Qi et al.: ZB-H1 in 1F1B's memory (arXiv:2401.10241, 2.1), V-ZB too (arXiv:2405.15362, abstract), in chunks half as
  // large.
  for (int ranks = 1; ranks <= 8; ++ranks) {
    const auto all = static_cast<std::size_t>(ranks);
    CHECK(most_of_ranks({PipelineKind::zero_bubble_h1, ranks, 2 * ranks, 1}) == std::vector<int>(all, ranks));
    CHECK(most_of_ranks({PipelineKind::zero_bubble_v, ranks, 2 * ranks, 2}) == std::vector<int>(all, 2 * ranks));
  }
}

TEST_CASE("DualPipe holds PP + 1, shared between its two directions", "[oracle][schedule]") {
  // The table in DualPipe's README.
  for (const PipelineSpec& spec : all_small_specs(PipelineKind::dualpipe)) {
    INFO(text(spec));
    CHECK(most_of_ranks(spec) == std::vector<int>(static_cast<std::size_t>(spec.ranks), spec.ranks + 1));
  }
  const auto held = held_activations(make_pipeline_schedule({PipelineKind::dualpipe, 8, 20, 2}));
  CHECK(held[0].most_of_chunk == std::vector<int>{8, 1});
  CHECK(held[3].most_of_chunk == std::vector<int>{5, 4});
  CHECK(held[4].most_of_chunk == std::vector<int>{4, 5});
}

TEST_CASE("the closed form of activations is that of the schedule", "[oracle][schedule]") {
  for (const PipelineSpec& spec : all_small_specs()) {
    const std::vector<int> most = most_of_ranks(spec);
    const bool bound_only = spec.kind == PipelineKind::zero_bubble_v && spec.micro_batches < 2 * spec.ranks - 1;
    INFO(text(spec));
    for (int rank = 0; rank < spec.ranks; ++rank) {
      const int held = most[static_cast<std::size_t>(rank)];
      CHECK((bound_only ? held <= most_held(spec, rank) : held == most_held(spec, rank)));
    }
  }
}

TEST_CASE("what is held is what a count over time finds", "[diff][schedule]") {
  // From the start of a forward to the end of a backward or weight gradient, by the clock. Durations must not matter.
  for (const PipelineSpec& spec : all_small_specs()) {
    if (spec.ranks > 5 || spec.micro_batches > 14) continue;
    const PipelineSchedule schedule = make_pipeline_schedule(spec);
    const PipelineTiming timing = time_pipeline(schedule, durations({7, 11, 5, 19}));
    const auto held = held_activations(schedule);
    for (std::size_t rank = 0; rank < held.size(); ++rank) {
      std::vector<std::pair<std::int64_t, int>> changes;  // Ends before starts of the same instant.
      const auto note = [&](const PipelineWork& work, const SlotSpan& span) {
        if (work.kind == WorkKind::forward) changes.emplace_back(span.start.count, 1);
        if (work.kind == WorkKind::backward || work.kind == WorkKind::weight_gradient) {
          changes.emplace_back(span.end.count, -1);
        }
      };
      for (std::size_t i = 0; i < timing.slots[rank].size(); ++i) {
        const PipelineSlot& slot = schedule.slots()[rank][i];
        note(slot.work, timing.slots[rank][i]);
        if (slot.beside) note(*slot.beside, timing.slots[rank][i]);
      }
      std::sort(changes.begin(), changes.end());
      int now = 0;
      int most = 0;
      for (const auto& [time, change] : changes) most = std::max(most, now += change);
      INFO(text(spec) << ", rank " << rank);
      CHECK(now == 0);
      CHECK(most == held[rank].most);
    }
  }
}

TEST_CASE("bytes are weighed at the worst moment, not chunk by chunk", "[schedule]") {
  // Interleaved, first of 2 ranks, forwards and backwards as micro-batch.chunk: F0.0 F1.0 F0.1 F1.1 F2.0 B0.1 F3.0 ...
  // F3.0 finds all four of chunk 0, but of chunk 1 only the second; chunk 1 alone had two before.
  const PipelineSchedule schedule = make_pipeline_schedule({PipelineKind::interleaved, 2, 4, 2});
  CHECK(most_bytes_held(schedule, 0, std::vector<Bytes>{{100}, {1}}).count == 401);
  CHECK(most_bytes_held(schedule, 0, std::vector<Bytes>{{1}, {1}}).count == held_activations(schedule)[0].most);
  CHECK(held_activations(schedule)[0].most_of_chunk == std::vector<int>{4, 2});
  CHECK_THROWS_AS(most_bytes_held(schedule, 0, std::vector<Bytes>{{1}}), InternalError);
}

}  // namespace moesim
