#include "sim/task_graph.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "sim/rng.hpp"
#include "tests/catch.hpp"

namespace {

using namespace moesim;

struct Graph {
  explicit Graph(std::span<const LinkSpec> links = {}) : network(simulator, links), graph(simulator, network) {}

  TaskId compute(StreamId stream, std::int64_t ps) { return graph.add_compute(stream, {ps}, phase); }

  Simulator simulator;
  FlowNetwork network;
  TaskGraph graph;
  PhaseId phase = graph.add_phase("work");
};

std::vector<std::int32_t> tasks_on(const std::vector<CriticalSpan>& path) {
  std::vector<std::int32_t> tasks;
  for (const CriticalSpan& span : path) tasks.push_back(span.task.value);
  return tasks;
}

void check_tiles(const TaskGraph& graph) {
  Picoseconds at = Picoseconds::zero();
  for (const CriticalSpan& span : graph.critical_path()) {
    REQUIRE(span.begin == at);
    REQUIRE(span.end > span.begin);
    REQUIRE(span.begin == graph.begin(span.task));
    REQUIRE(span.end == graph.end(span.task));
    at = span.end;
  }
  REQUIRE(at == graph.makespan());
  const auto by_phase = graph.critical_time_by_phase();
  REQUIRE(std::accumulate(by_phase.begin(), by_phase.end(), Picoseconds::zero()) == graph.makespan());
}

// A task of the slow reference, which computes a graph's times by walking it in an order that respects every
// dependency: in such an order, a task begins when the last of what came before it has ended.
struct ReferenceTask {
  TaskId id;
  std::vector<std::size_t> before;  // Places in the order of those that it depends on.
  std::optional<std::size_t> before_on_stream;
  std::int64_t duration = 0;
  std::int64_t ready = 0, begin = 0, end = 0;
};

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : rng_(seed, 0) {
    const std::size_t n = 1 + rng_.below(60);
    const std::size_t num_streams = 1 + rng_.below(5);
    for (std::size_t s = 0; s < num_streams; ++s) streams_.push_back(g.graph.add_stream(RankId(0), "stream"));
    for (int p = 0; p < 4; ++p) g.graph.add_phase(fmt::format("phase {}", p));
    tasks.resize(n);
    add_tasks();
    add_dependencies();
  }

  void compute_reference() {
    for (ReferenceTask& task : tasks) {
      for (const std::size_t i : task.before) task.ready = std::max(task.ready, tasks[i].end);
      task.begin = task.ready;
      if (task.before_on_stream) task.begin = std::max(task.begin, tasks[*task.before_on_stream].end);
      task.end = task.begin + task.duration;
    }
  }

  std::vector<std::int32_t> critical_path() const {
    std::vector<std::size_t> candidates(tasks.size());
    std::iota(candidates.begin(), candidates.end(), 0U);
    std::vector<std::int32_t> path;
    while (!candidates.empty()) {
      const ReferenceTask& last = tasks[*std::min_element(candidates.begin(), candidates.end(), [&](auto a, auto b) {
        return std::pair(-tasks[a].end, tasks[a].id) < std::pair(-tasks[b].end, tasks[b].id);
      })];
      if (last.begin < last.end) path.push_back(last.id.value);
      candidates = last.before;
      if (last.before_on_stream) candidates.push_back(*last.before_on_stream);
    }
    std::reverse(path.begin(), path.end());
    return path;
  }

  Graph g;
  std::vector<ReferenceTask> tasks;

 private:
  // A third are joins. Their ids come first and in random order, so that no id tells a task's place.
  void add_tasks() {
    std::vector<std::size_t> joins, computes;
    for (std::size_t i = 0; i < tasks.size(); ++i) (rng_.below(3) == 0 ? joins : computes).push_back(i);
    for (std::size_t i = joins.size(); i > 1; --i) {
      std::swap(joins[i - 1], joins[rng_.below(static_cast<std::uint32_t>(i))]);
    }
    for (const std::size_t i : joins) tasks[i].id = g.graph.add_join(random_phase());
    std::vector<std::optional<std::size_t>> last(streams_.size());
    for (const std::size_t i : computes) {
      const auto stream = rng_.below(static_cast<std::uint32_t>(streams_.size()));
      tasks[i].duration = rng_.below(4) * 100;  // Often equal, at times nothing.
      tasks[i].before_on_stream = std::exchange(last[stream], i);
      tasks[i].id = g.graph.add_compute(streams_[stream], {tasks[i].duration}, random_phase());
    }
  }

  void add_dependencies() {
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    for (std::size_t i = 1; i < tasks.size(); ++i) {
      for (std::uint32_t n = rng_.below(4); n > 0; --n)
        edges.emplace_back(i, rng_.below(static_cast<std::uint32_t>(i)));
    }
    for (std::size_t i = edges.size(); i > 1; --i) {
      std::swap(edges[i - 1], edges[rng_.below(static_cast<std::uint32_t>(i))]);
    }
    for (const auto& [task, on] : edges) {
      tasks[task].before.push_back(on);
      g.graph.depends(tasks[task].id, tasks[on].id);
    }
  }

  PhaseId random_phase() { return PhaseId(rng_.below(static_cast<std::uint32_t>(g.graph.num_phases()))); }

  Rng rng_;
  std::vector<StreamId> streams_;
};

}  // namespace

TEST_CASE("a graph without tasks takes no time") {
  Graph g;
  g.graph.run();
  CHECK(g.graph.makespan() == Picoseconds::zero());
  CHECK(g.graph.critical_path().empty());
}

TEST_CASE("a chain takes the sum of its tasks", "[oracle]") {
  Graph g;
  std::vector<TaskId> tasks;
  for (std::int64_t i = 1; i <= 100; ++i) {
    // Each on a stream of its own, so that the dependencies alone make the chain.
    tasks.push_back(g.compute(g.graph.add_stream(RankId(i), "compute"), i));
    if (i > 1) g.graph.depends(tasks[tasks.size() - 1], tasks[tasks.size() - 2]);
  }
  g.graph.run();
  CHECK(g.graph.makespan().count == 100 * 101 / 2);
  CHECK(g.graph.critical_path().size() == 100);
  check_tiles(g.graph);
}

TEST_CASE("a fork and join takes its longest branch", "[oracle]") {
  Graph g;
  const TaskId fork = g.compute(g.graph.add_stream(RankId(0), "compute"), 10);
  const TaskId join = g.graph.add_join(g.phase);
  for (std::int64_t i = 1; i <= 50; ++i) {
    const TaskId branch = g.compute(g.graph.add_stream(RankId(i), "compute"), i * 7);
    g.graph.depends(join, branch);
    g.graph.depends(branch, fork);
  }
  g.graph.run();
  CHECK(g.graph.end(join).count == 10 + 50 * 7);
  CHECK(g.graph.begin(join) == g.graph.end(join));
  CHECK(tasks_on(g.graph.critical_path()) == std::vector<std::int32_t>{0, 51});
  check_tiles(g.graph);
}

TEST_CASE("a stream runs one task at a time in order of adding", "[oracle]") {
  Graph g;
  const StreamId stream = g.graph.add_stream(RankId(3), "compute");
  const StreamId other = g.graph.add_stream(RankId(3), "copy");
  const TaskId late = g.compute(other, 100);
  const TaskId first = g.compute(stream, 10);
  const TaskId second = g.compute(stream, 20);  // Could begin at 10, but for its dependency.
  const TaskId third = g.compute(stream, 30);   // Is ready at 0, and does not overtake.
  g.graph.depends(second, late);
  g.graph.run();
  CHECK(g.graph.end(first).count == 10);
  CHECK(g.graph.ready(second).count == 100);
  CHECK(g.graph.begin(second).count == 100);
  CHECK(g.graph.ready(third).count == 0);
  CHECK(g.graph.begin(third).count == 120);
  CHECK(g.graph.makespan().count == 150);
  CHECK(g.graph.stream_rank(stream) == RankId(3));
  CHECK(g.graph.stream_name(other) == "copy");
  CHECK(g.graph.stream(late) == other);
}

TEST_CASE("a pipeline of s stages and n items takes (s + n - 1) steps", "[oracle]") {
  // Item i leaves stage j (counted from 0) at (i + j + 1) t. With stage times t_j, the first item takes their sum, and
  // each later one leaves max t_j after the one before it.
  const auto run = [](const std::vector<std::int64_t>& stage_ps, int items) {
    Graph g;
    std::vector<StreamId> stages;
    for (std::size_t j = 0; j < stage_ps.size(); ++j) {
      stages.push_back(g.graph.add_stream(RankId(static_cast<std::int64_t>(j)), "compute"));
    }
    for (int i = 0; i < items; ++i) {
      std::optional<TaskId> before;
      for (std::size_t j = 0; j < stage_ps.size(); ++j) {
        const TaskId task = g.compute(stages[j], stage_ps[j]);
        if (before) g.graph.depends(task, *before);
        before = task;
      }
    }
    g.graph.run();
    check_tiles(g.graph);
    return g.graph.makespan().count;
  };
  for (const int stages : {1, 2, 5, 16}) {
    for (const int items : {1, 3, 16, 40}) {
      CHECK(run(std::vector<std::int64_t>(static_cast<std::size_t>(stages), 1000), items) ==
            (stages + items - 1) * 1000);
    }
  }
  CHECK(run({300, 700, 100, 500}, 9) == 300 + 700 + 100 + 500 + 8 * 700);
}

TEST_CASE("random graphs agree with the slow reference", "[diff]") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    RandomGraph random(seed);
    const TaskGraph& graph = random.g.graph;
    random.g.graph.run();
    random.compute_reference();
    std::int64_t makespan = 0;
    for (const ReferenceTask& task : random.tasks) {
      REQUIRE(graph.ready(task.id).count == task.ready);
      REQUIRE(graph.begin(task.id).count == task.begin);
      REQUIRE(graph.end(task.id).count == task.end);
      makespan = std::max(makespan, task.end);
    }
    REQUIRE(graph.makespan().count == makespan);
    REQUIRE(tasks_on(graph.critical_path()) == random.critical_path());
    check_tiles(graph);
  }
}

TEST_CASE("of branches that end together the lower id is on the path") {
  Graph g;
  const TaskId join = g.graph.add_join(g.phase);
  std::vector<TaskId> branches;
  for (std::int64_t i = 0; i < 3; ++i) branches.push_back(g.compute(g.graph.add_stream(RankId(i), "compute"), 50));
  for (const std::size_t i : {2U, 0U, 1U}) g.graph.depends(join, branches[i]);
  g.graph.run();
  CHECK(tasks_on(g.graph.critical_path()) == std::vector<std::int32_t>{branches[0].value});
}

TEST_CASE("the critical path is told by phase") {
  Graph g;
  const PhaseId gate = g.graph.add_phase("gate");
  const PhaseId experts = g.graph.add_phase("experts");
  CHECK(g.graph.add_phase("gate") == gate);
  const StreamId stream = g.graph.add_stream(RankId(0), "compute");
  g.graph.add_compute(stream, {10}, gate);
  g.graph.add_compute(stream, {200}, experts);
  g.graph.add_compute(stream, {5}, gate);
  g.graph.run();
  const auto time = g.graph.critical_time_by_phase();
  CHECK(g.graph.phase_name(experts) == "experts");
  CHECK(time[gate.index()].count == 15);
  CHECK(time[experts.index()].count == 200);
  CHECK(time[g.phase.index()].count == 0);
}

TEST_CASE("a cycle is told with the number of tasks that it holds up") {
  Graph g;
  g.compute(g.graph.add_stream(RankId(0), "compute"), 10);
  const TaskId a = g.graph.add_join(g.phase);
  const TaskId b = g.graph.add_join(g.phase);
  const TaskId c = g.graph.add_join(g.phase);
  g.graph.depends(a, b);
  g.graph.depends(b, a);
  g.graph.depends(c, b);
  CHECK_THROWS_WITH(g.graph.run(), ContainsSubstring("3 of 4 tasks are stuck") && ContainsSubstring("task 1"));
  CHECK_THROWS_AS(g.graph.makespan(), InternalError);
  CHECK_THROWS_AS(g.graph.begin(a), InternalError);
}

TEST_CASE("a dependency against the order of a stream is a cycle") {
  Graph g;
  const StreamId stream = g.graph.add_stream(RankId(0), "compute");
  const TaskId first = g.compute(stream, 10);
  const TaskId second = g.compute(stream, 10);
  g.graph.depends(first, second);
  CHECK_THROWS_WITH(g.graph.run(), ContainsSubstring("2 of 2"));
}

TEST_CASE("misuse of a graph is refused") {
  Graph g;
  const StreamId stream = g.graph.add_stream(RankId(0), "compute");
  const TaskId task = g.compute(stream, 10);
  CHECK_THROWS_AS(g.compute(stream, -1), InternalError);
  CHECK_THROWS_AS(g.compute(StreamId(1), 1), InternalError);
  CHECK_THROWS_AS(g.graph.add_join(PhaseId(1)), InternalError);
  CHECK_THROWS_AS(g.graph.depends(task, TaskId(1)), InternalError);
  CHECK_THROWS_AS(g.graph.end(task), InternalError);
  g.graph.run();
  CHECK_THROWS_AS(g.graph.run(), InternalError);
  CHECK_THROWS_AS(g.compute(stream, 1), InternalError);
  CHECK_THROWS_AS(g.graph.depends(task, task), InternalError);
}

TEST_CASE("a chain of a million joins needs no stack") {
  Graph g;
  constexpr std::int64_t kTasks = 1'000'000;
  for (std::int64_t i = 0; i < kTasks; ++i) {
    const TaskId task = g.graph.add_join(g.phase);
    if (i > 0) g.graph.depends(TaskId(i - 1), task);  // The last added is the first to end.
  }
  g.graph.run();
  CHECK(g.graph.makespan() == Picoseconds::zero());
}

TEST_CASE("a transfer takes start-up, latency and its bytes over the bandwidth", "[oracle]") {
  const std::vector<LinkSpec> links{{Bandwidth::gbyte_per_s(50), {700'000}}, {Bandwidth::gbyte_per_s(25), {300'000}}};
  Graph g(links);
  const std::vector<LinkId> both{LinkId(0), LinkId(1)};
  const RouteId route = g.network.add_route(both);
  const StreamId stream = g.graph.add_stream(RankId(0), "compute");
  const TaskId before = g.compute(stream, 5'000'000);
  FlowSpec flow;
  flow.route = route;
  flow.bytes = {1'000'000};
  flow.start_up = {2'000'000};
  const TaskId send = g.graph.add_transfer(flow, g.phase);
  flow.rate_cap = Bandwidth::gbyte_per_s(10);
  const TaskId capped = g.graph.add_transfer(flow, g.phase);
  const TaskId after = g.compute(g.graph.add_stream(RankId(1), "compute"), 1);
  g.graph.depends(send, before);
  g.graph.depends(capped, send);
  g.graph.depends(after, capped);
  g.graph.run();
  CHECK(g.graph.begin(send) == g.graph.end(before));
  // 2 us + 1 us + 1 MB at 25 GB/s = 43 us; with the cap of 10 GB/s 103 us.
  CHECK((g.graph.end(send) - g.graph.begin(send)).count == 43'000'000);
  CHECK((g.graph.end(capped) - g.graph.begin(capped)).count == 103'000'000);
  CHECK(g.graph.makespan().count == 5'000'000 + 43'000'000 + 103'000'000 + 1);
  CHECK(g.graph.route(send) == route);
  CHECK(g.graph.kind(send) == TaskKind::kTransfer);
  CHECK_FALSE(g.graph.stream(send).has_value());
  check_tiles(g.graph);
}

TEST_CASE("transfers that start together share a link", "[oracle]") {
  // n equal flows on one link take as long as one of n times the bytes.
  const std::vector<LinkSpec> links{{Bandwidth::gbyte_per_s(50), {0}}};
  Graph g(links);
  const std::vector<LinkId> only{LinkId(0)};
  FlowSpec flow;
  flow.route = g.network.add_route(only);
  flow.bytes = {1'000'000};
  const TaskId fork = g.compute(g.graph.add_stream(RankId(0), "compute"), 1000);
  const TaskId join = g.graph.add_join(g.phase);
  for (int i = 0; i < 8; ++i) {
    const TaskId send = g.graph.add_transfer(flow, g.phase);
    g.graph.depends(send, fork);
    g.graph.depends(join, send);
  }
  g.graph.run();
  CHECK(g.graph.end(join).count == 1000 + 8 * 20'000'000);
  CHECK(g.network.bytes_carried(LinkId(0)).count == 8'000'000);
  check_tiles(g.graph);
}
