// Speed of the engine: the event queue beside a bare heap in the same run, the task graph, the random numbers.
#include <cstdint>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "sim/event_queue.hpp"
#include "sim/rng.hpp"
#include "sim/simulator.hpp"
#include "sim/task_graph.hpp"

namespace {

using namespace moesim;

// The yardstick: a 4-ary heap of 16-byte events, no order among equal times, no handler, nothing checked.
class BareHeap {
 public:
  struct Entry {
    std::int64_t at;
    std::uint64_t payload;
  };

  void push(Entry entry) {
    entries_.push_back(entry);
    std::size_t hole = entries_.size() - 1;
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / 4;
      if (entries_[parent].at <= entry.at) break;
      entries_[hole] = entries_[parent];
      hole = parent;
    }
    entries_[hole] = entry;
  }

  Entry pop() {
    const Entry top = entries_.front();
    const Entry last = entries_.back();
    entries_.pop_back();
    if (entries_.empty()) return top;
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = 4 * hole + 1;
      if (first >= entries_.size()) break;
      std::size_t least = first;
      const std::size_t end = first + 4 < entries_.size() ? first + 4 : entries_.size();
      for (std::size_t child = first + 1; child < end; ++child) {
        if (entries_[child].at < entries_[least].at) least = child;
      }
      if (entries_[least].at >= last.at) break;
      entries_[hole] = entries_[least];
      hole = least;
    }
    entries_[hole] = last;
    return top;
  }

 private:
  std::vector<Entry> entries_;
};

// How long after it is scheduled an event is due: exponential with a mean of 10 us, drawn beforehand.
class Delays {
 public:
  Delays() : ps_(1 << 16) {
    Rng rng(1, 0);
    for (auto& delay : ps_) delay = static_cast<std::int64_t>(rng.exponential() * 1e7);
  }
  std::int64_t next() { return ps_[next_++ % ps_.size()]; }

 private:
  std::vector<std::int64_t> ps_;
  std::size_t next_ = 0;
};

// One item is one pop and one push, with range(0) events pending.
void queue_pop_and_push(benchmark::State& state) {
  Delays delays;
  EventQueue queue;
  for (std::int64_t i = 0; i < state.range(0); ++i) queue.push({{delays.next()}, nullptr, 0});
  for (std::int64_t i = 0; i < state.range(0); ++i)
    queue.push({queue.pop().at + Picoseconds{delays.next()}, nullptr, 0});
  for (auto _ : state) {
    const Event event = queue.pop();
    queue.push({event.at + Picoseconds{delays.next()}, event.handler, event.payload});
  }
  state.SetItemsProcessed(state.iterations());
}

void bare_heap_pop_and_push(benchmark::State& state) {
  Delays delays;
  BareHeap heap;
  for (std::int64_t i = 0; i < state.range(0); ++i) heap.push({delays.next(), 0});
  for (std::int64_t i = 0; i < state.range(0); ++i) heap.push({heap.pop().at + delays.next(), 0});
  for (auto _ : state) {
    const auto event = heap.pop();
    heap.push({event.at + delays.next(), event.payload});
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(bare_heap_pop_and_push)->Arg(1'000)->Arg(65'536)->Arg(1'048'576);
BENCHMARK(queue_pop_and_push)->Arg(1'000)->Arg(65'536)->Arg(1'048'576);

// A handler that schedules itself again: the whole of the engine's loop.
class Ticker final : public EventHandler {
 public:
  explicit Ticker(Simulator& simulator) : simulator_(simulator) {}
  void on_event(std::uint64_t payload) override {
    simulator_.schedule(simulator_.now() + Picoseconds{delays_.next()}, *this, payload);
  }

 private:
  Simulator& simulator_;
  Delays delays_;
};

void simulator_step(benchmark::State& state) {
  Simulator simulator;
  Ticker ticker(simulator);
  for (std::int64_t i = 0; i < state.range(0); ++i) ticker.on_event(0);
  for (auto _ : state) simulator.step();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(simulator_step)->Arg(1'000)->Arg(65'536)->Arg(1'048'576);

template <class Draw>
void draw(benchmark::State& state, Draw one) {
  Rng rng(1, 2);
  for (auto _ : state) benchmark::DoNotOptimize(one(rng));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(draw, u32, [](Rng& rng) { return rng.next_u32(); });
BENCHMARK_CAPTURE(draw, uniform, [](Rng& rng) { return rng.uniform(); });
BENCHMARK_CAPTURE(draw, below_1000, [](Rng& rng) { return rng.below(1000); });
BENCHMARK_CAPTURE(draw, exponential, [](Rng& rng) { return rng.exponential(); });
BENCHMARK_CAPTURE(draw, normal, [](Rng& rng) { return rng.normal(); });

// One item is one task, from its adding to its end: `range(0)` ranks, 256 steps, each step on a rank waits for the step
// before on the rank itself (its stream) and on its neighbour (a dependency).
void graph_of_compute(benchmark::State& state) {
  const std::int64_t ranks = state.range(0);
  constexpr std::int64_t kSteps = 256;
  for (auto _ : state) {
    Simulator simulator;
    FlowNetwork network(simulator, {});
    TaskGraph graph(simulator, network);
    const PhaseId phase = graph.add_phase("step");
    Rng rng(1, 0);
    for (std::int64_t r = 0; r < ranks; ++r) graph.add_stream(RankId(r), "compute");
    for (std::int64_t i = 0; i < kSteps * ranks; ++i) {
      const auto rank = i % ranks;
      const TaskId task = graph.add_compute(StreamId(rank), Picoseconds{1'000'000 + rng.below(1'000'000)}, phase);
      if (i >= ranks) graph.depends(task, TaskId(i - ranks - rank + (rank + 1) % ranks));
    }
    graph.run();
    benchmark::DoNotOptimize(graph.makespan());
  }
  state.SetItemsProcessed(state.iterations() * kSteps * ranks);
}
BENCHMARK(graph_of_compute)->Arg(64)->Arg(2048)->Unit(benchmark::kMillisecond);

// The same with a transfer over the rank's own link before each step: two tasks a step.
void graph_of_transfers(benchmark::State& state) {
  const std::int64_t ranks = state.range(0);
  constexpr std::int64_t kSteps = 64;
  const std::vector<LinkSpec> links(static_cast<std::size_t>(ranks), {Bandwidth::gbyte_per_s(50), {500'000}});
  for (auto _ : state) {
    Simulator simulator;
    FlowNetwork network(simulator, links);
    TaskGraph graph(simulator, network);
    const PhaseId phase = graph.add_phase("step");
    Rng rng(1, 0);
    std::vector<FlowSpec> sends(links.size());
    std::vector<TaskId> last(links.size());
    for (std::int64_t r = 0; r < ranks; ++r) {
      const LinkId link(r);
      graph.add_stream(RankId(r), "compute");
      sends[link.index()].route = network.add_route({&link, 1});
    }
    for (std::int64_t i = 0; i < kSteps * ranks; ++i) {
      const auto rank = static_cast<std::size_t>(i % ranks);
      sends[rank].bytes = {10'000 + rng.below(10'000)};
      const TaskId send = graph.add_transfer(sends[rank], phase);
      if (last[rank].valid()) graph.depends(send, last[rank]);
      last[rank] = graph.add_compute(StreamId(i % ranks), Picoseconds{1'000'000 + rng.below(1'000'000)}, phase);
      graph.depends(last[rank], send);
    }
    graph.run();
    benchmark::DoNotOptimize(graph.makespan());
  }
  state.SetItemsProcessed(state.iterations() * kSteps * ranks * 2);
}
BENCHMARK(graph_of_transfers)->Arg(64)->Arg(2048)->Unit(benchmark::kMillisecond);

}  // namespace
