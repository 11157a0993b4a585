#include "models/schedule/pipeline_timing.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

namespace {

bool is_forward(const PipelineWork& work) { return work.kind == WorkKind::forward; }
bool frees_activations(const PipelineWork& work) {
  return work.kind == WorkKind::backward || work.kind == WorkKind::weight_gradient;
}

// Walks through the ranks' slots as far as they can go, rank by rank. All that a slot waits for is known before its
// start is, so that the order of the walk does not matter.
class Executor {
 public:
  Executor(const PipelineSchedule& schedule, const PipelineDurations& durations)
      : schedule_(schedule),
        durations_(durations),
        stages_(schedule.virtual_stages()),
        forward_end_(cells(), kNotYet),
        backward_end_(cells(), kNotYet) {}

  PipelineTiming run() {
    const auto& slots = schedule_.slots();
    timing_.ranks.resize(slots.size());
    timing_.slots.resize(slots.size());
    std::vector<int> to_visit;
    for (int rank = 0; rank < ranks(); ++rank) to_visit.push_back(rank);
    while (!to_visit.empty()) {
      const int rank = to_visit.back();
      to_visit.pop_back();
      advance(rank, to_visit);
    }
    for (int rank = 0; rank < ranks(); ++rank) finish(rank);
    for (PipelineTiming::Rank& rank : timing_.ranks) rank.idle = timing_.makespan - rank.busy;
    return std::move(timing_);
  }

 private:
  static constexpr Picoseconds kNotYet = Picoseconds::max();

  int ranks() const { return schedule_.spec().ranks; }
  std::size_t cells() const {
    return static_cast<std::size_t>(schedule_.spec().micro_batches) * static_cast<std::size_t>(stages_);
  }
  std::size_t cell(int micro_batch, int stage) const {
    return static_cast<std::size_t>(micro_batch) * static_cast<std::size_t>(stages_) + static_cast<std::size_t>(stage);
  }
  int stage_of(const PipelineWork& work, int rank) const {
    return schedule_.virtual_stage(work.micro_batch, rank, work.chunk);
  }

  // When what `work` waits for has reached `rank`; kNotYet if some of it has not been done.
  Picoseconds ready(const PipelineWork& work, int rank) const {
    const int stage = stage_of(work, rank);
    if (work.kind == WorkKind::weight_gradient) return backward_end_[cell(work.micro_batch, stage)];
    if (is_forward(work)) return stage == 0 ? Picoseconds::zero() : handed_over(forward_end_, work, stage - 1, rank);
    const Picoseconds own = forward_end_[cell(work.micro_batch, stage)];
    if (stage == stages_ - 1) return own;
    return std::max(own, handed_over(backward_end_, work, stage + 1, rank));
  }

  Picoseconds handed_over(const std::vector<Picoseconds>& ends, const PipelineWork& work, int from_stage,
                          int rank) const {
    const Picoseconds end = ends[cell(work.micro_batch, from_stage)];
    const int from = schedule_.place(work.micro_batch, from_stage).rank;
    if (end == kNotYet || from == rank || !durations_.hand_over) return end;
    return end + durations_.hand_over(from, rank);
  }

  Picoseconds duration(const PipelineSlot& slot, int rank) const {
    const auto alone = [&](const PipelineWork& work) { return durations_.work(work.kind, rank, work.chunk); };
    if (!slot.beside) return alone(slot.work);
    if (durations_.pair) return durations_.pair(rank, slot.work.chunk, slot.beside->chunk);
    return alone(slot.work) + alone(*slot.beside);
  }

  // Does what the rank can do now; the ranks that may have waited for it are to be visited.
  void advance(int rank, std::vector<int>& to_visit) {
    const auto& slots = schedule_.slots()[static_cast<std::size_t>(rank)];
    auto& spans = timing_.slots[static_cast<std::size_t>(rank)];
    Picoseconds& busy = timing_.ranks[static_cast<std::size_t>(rank)].busy;
    while (spans.size() < slots.size()) {
      const PipelineSlot& slot = slots[spans.size()];
      Picoseconds start = ready(slot.work, rank);
      if (slot.beside) start = std::max(start, ready(*slot.beside, rank));
      if (start == kNotYet) return;
      if (!spans.empty()) start = std::max(start, spans.back().end);
      const Picoseconds takes = duration(slot, rank);
      spans.push_back({start, start + takes});
      busy += takes;
      record(slot.work, rank, spans.back().end, to_visit);
      if (slot.beside) record(*slot.beside, rank, spans.back().end, to_visit);
    }
  }

  void record(const PipelineWork& work, int rank, Picoseconds end, std::vector<int>& to_visit) {
    if (work.kind == WorkKind::weight_gradient) return;
    const int stage = stage_of(work, rank);
    (is_forward(work) ? forward_end_ : backward_end_)[cell(work.micro_batch, stage)] = end;
    const int next = is_forward(work) ? stage + 1 : stage - 1;
    if (next < 0 || next == stages_) return;
    const int next_rank = schedule_.place(work.micro_batch, next).rank;
    if (next_rank != rank) to_visit.push_back(next_rank);
  }

  void finish(int rank) {
    const auto& spans = timing_.slots[static_cast<std::size_t>(rank)];
    const std::size_t all = schedule_.slots()[static_cast<std::size_t>(rank)].size();
    MOESIM_CHECK(spans.size() == all,
                 "{} with {} ranks and {} micro-batches: rank {} waits forever after {} of {} slots",
                 name(schedule_.spec().kind), ranks(), schedule_.spec().micro_batches, rank, spans.size(), all);
    PipelineTiming::Rank& result = timing_.ranks[static_cast<std::size_t>(rank)];
    result.first = spans.front().start;
    result.last = spans.back().end;
    timing_.makespan = std::max(timing_.makespan, result.last);
  }

  const PipelineSchedule& schedule_;
  const PipelineDurations& durations_;
  int stages_;
  std::vector<Picoseconds> forward_end_;   // [micro_batches, virtual stages]
  std::vector<Picoseconds> backward_end_;  // The same; of an input gradient, where backwards are split.
  PipelineTiming timing_;
};

// Calls seen(held [chunks]) whenever a forward has begun. A pair's backward ends with its forward, so that at its
// start both are held.
template <typename Seen>
void walk_held(const PipelineSchedule& schedule, int rank, const Seen& seen) {
  std::vector<int> held(static_cast<std::size_t>(schedule.spec().chunks_per_rank));
  const auto chunk = [&](const PipelineWork& work) -> int& { return held[static_cast<std::size_t>(work.chunk)]; };
  for (const PipelineSlot& slot : schedule.slots()[static_cast<std::size_t>(rank)]) {
    if (is_forward(slot.work)) {
      ++chunk(slot.work);
      seen(held);
    } else if (frees_activations(slot.work)) {
      --chunk(slot.work);
    }
    if (slot.beside && frees_activations(*slot.beside)) --chunk(*slot.beside);
  }
}

}  // namespace

double PipelineTiming::bubble_share() const {
  double idle = 0;
  for (const Rank& rank : ranks) idle += rank.idle.seconds();
  return makespan.count == 0 ? 0 : idle / (makespan.seconds() * static_cast<double>(ranks.size()));
}

PipelineTiming time_pipeline(const PipelineSchedule& schedule, const PipelineDurations& durations) {
  return Executor(schedule, durations).run();
}

std::vector<HeldActivations> held_activations(const PipelineSchedule& schedule) {
  std::vector<HeldActivations> ranks;
  for (int rank = 0; rank < schedule.spec().ranks; ++rank) {
    HeldActivations most;
    most.most_of_chunk.resize(static_cast<std::size_t>(schedule.spec().chunks_per_rank));
    walk_held(schedule, rank, [&](const std::vector<int>& held) {
      int all = 0;
      for (std::size_t i = 0; i < held.size(); ++i) {
        all += held[i];
        most.most_of_chunk[i] = std::max(most.most_of_chunk[i], held[i]);
      }
      most.most = std::max(most.most, all);
    });
    ranks.push_back(std::move(most));
  }
  return ranks;
}

Bytes most_bytes_held(const PipelineSchedule& schedule, int rank, std::span<const Bytes> of_chunk) {
  MOESIM_CHECK(of_chunk.size() == static_cast<std::size_t>(schedule.spec().chunks_per_rank), "{} chunks",
               of_chunk.size());
  Bytes most;
  walk_held(schedule, rank, [&](const std::vector<int>& held) {
    Bytes all;
    for (std::size_t i = 0; i < held.size(); ++i) all += held[i] * of_chunk[i];
    most = std::max(most, all);
  });
  return most;
}

}  // namespace moesim
