#include "models/schedule/slot_schedule.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "sim/check.hpp"

namespace moesim {
namespace {

struct Step {
  StepSpan span;
  const ChainStep* what = nullptr;
  int after = -1;     // Index here.
  int binding = -1;   // What it waited for last: `after`, or the step before it on its lane.
  Picoseconds ready;  // When `after` has ended; known once it is placed.
  bool is_ready = false;
  bool placed = false;
};

class SlotRun {
 public:
  explicit SlotRun(std::span<const Chain* const> chains) {
    for (std::size_t c = 0; c < chains.size(); ++c) {
      const auto base = static_cast<int>(steps_.size());
      const std::span<const ChainStep> steps = chains[c]->steps();
      for (std::size_t i = 0; i < steps.size(); ++i) {
        Step step;
        step.span = {.chain = static_cast<int>(c),
                     .step = static_cast<int>(i),
                     .phase = steps[i].phase,
                     .lane = steps[i].lane,
                     .begin = {},
                     .end = {}};
        step.what = &steps[i];
        step.after = steps[i].after < 0 ? -1 : base + steps[i].after;
        step.is_ready = step.after < 0;
        steps_.push_back(step);
      }
    }
  }

  SlotTiming run() {
    for (std::size_t left = steps_.size(); left > 0; --left) place(next());
    return timing();
  }

 private:
  Picoseconds lane_free(const Step& step) const { return free_[static_cast<std::size_t>(step.what->lane)]; }
  Picoseconds start(const Step& step) const { return std::max(step.ready, lane_free(step)); }

  // The step that begins first; at one moment those that somebody waits for, the longest ready, the earlier chain.
  std::size_t next() const {
    std::optional<std::size_t> best;
    const auto key = [&](const Step& step) {
      return std::tuple{start(step), step.what->deferred, step.ready, step.span.chain, step.span.step};
    };
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.placed || !step.is_ready) continue;
      if (!best || key(step) < key(steps_[*best])) best = i;
    }
    MOESIM_CHECK(best.has_value(), "a chain waits for itself");
    return *best;
  }

  void place(std::size_t index) {
    Step& step = steps_[index];
    const auto lane = static_cast<std::size_t>(step.what->lane);
    step.placed = true;
    step.span.begin = start(step);
    step.span.end = step.span.begin + step.what->time;
    step.binding = lane_free(step) > step.ready ? last_on_lane_[lane] : step.after;
    free_[lane] = step.span.end;
    last_on_lane_[lane] = static_cast<int>(index);
    order_.push_back(index);
    for (Step& waiting : steps_) {
      if (waiting.after != static_cast<int>(index)) continue;
      waiting.is_ready = true;
      waiting.ready = step.span.end;
    }
  }

  SlotTiming timing() const {
    SlotTiming result;
    int last = -1;
    for (const std::size_t i : order_) {
      const Step& step = steps_[i];
      result.spans.push_back(step.span);
      result.busy[static_cast<std::size_t>(step.what->lane)] += step.what->time;
      if (last < 0 || step.span.end > result.time) last = static_cast<int>(i);
      result.time = std::max(result.time, step.span.end);
    }
    std::map<int, Picoseconds> phases;
    for (int at = last; at >= 0; at = steps_[static_cast<std::size_t>(at)].binding) {
      const Step& step = steps_[static_cast<std::size_t>(at)];
      phases[step.what->phase] += step.what->time;
    }
    result.phases.assign(phases.begin(), phases.end());
    return result;
  }

  std::vector<Step> steps_;
  std::vector<std::size_t> order_;
  Picoseconds free_[kLanes] = {};
  int last_on_lane_[kLanes] = {-1, -1, -1};
};

}  // namespace

void Chain::then(int phase, Lane lane, Picoseconds time) {
  beside(phase, lane, time);
  last_ = static_cast<int>(steps_.size()) - 1;
}

void Chain::beside(int phase, Lane lane, Picoseconds time) {
  steps_.push_back({.phase = phase, .lane = lane, .time = time, .after = last_, .deferred = false});
}

void Chain::deferred(int phase, Picoseconds time) {
  steps_.push_back({.phase = phase, .lane = Lane::compute, .time = time, .after = last_, .deferred = true});
}

void Chain::append(const Chain& next) {
  const auto base = static_cast<int>(steps_.size());
  for (ChainStep step : next.steps_) {
    step.after = step.after < 0 ? last_ : base + step.after;
    steps_.push_back(step);
  }
  if (next.last_ >= 0) last_ = base + next.last_;
}

SlotTiming schedule_slot(std::span<const Chain* const> chains) { return SlotRun(chains).run(); }

}  // namespace moesim
