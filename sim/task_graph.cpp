#include "sim/task_graph.hpp"

#include <algorithm>
#include <limits>

namespace moesim {

TaskGraph::TaskGraph(Simulator& simulator, FlowNetwork& network) : simulator_(simulator), network_(network) {
  network_.set_listener(this);
}

PhaseId TaskGraph::add_phase(std::string_view name) {
  const auto found = phase_by_name_.find(name);
  if (found != phase_by_name_.end()) return found->second;
  const PhaseId id(static_cast<std::int64_t>(phase_names_.size()));
  phase_names_.emplace_back(name);
  phase_by_name_.emplace(name, id);
  return id;
}

StreamId TaskGraph::add_stream(RankId rank, std::string_view name) {
  streams_.push_back({rank, TaskId(), std::string(name)});
  return StreamId(static_cast<std::int64_t>(streams_.size()) - 1);
}

TaskId TaskGraph::add(Task task) {
  MOESIM_CHECK(!has_run_, "a task was added after run()");
  MOESIM_CHECK(tasks_.size() < std::numeric_limits<std::int32_t>::max(), "{} tasks", tasks_.size());
  MOESIM_CHECK(task.phase.valid() && task.phase.index() < phase_names_.size(), "phase {}", task.phase.value);
  tasks_.push_back(task);
  return TaskId(static_cast<std::int64_t>(tasks_.size()) - 1);
}

TaskId TaskGraph::add_compute(StreamId stream, Picoseconds duration, PhaseId phase) {
  MOESIM_CHECK(stream.valid() && stream.index() < streams_.size(), "stream {}", stream.value);
  MOESIM_CHECK(duration >= Picoseconds::zero(), "a task of {} ps", duration.count);
  Task task;
  task.kind = TaskKind::kCompute;
  task.duration = duration;
  task.place = stream.value;
  task.phase = phase;
  Stream& queue = streams_[stream.index()];
  if (queue.last.valid()) ++task.waits_for;
  const TaskId id = add(task);
  if (queue.last.valid()) tasks_[queue.last.index()].next_on_stream = id;
  queue.last = id;
  return id;
}

TaskId TaskGraph::add_transfer(const FlowSpec& flow, PhaseId phase) {
  constexpr double kNoCap = std::numeric_limits<double>::infinity();
  Task task;
  task.kind = TaskKind::kTransfer;
  task.place = static_cast<std::int32_t>(transfers_.size());
  task.phase = phase;
  const TaskId id = add(task);
  const double cap = flow.rate_cap ? flow.rate_cap->bytes_per_s() : kNoCap;
  transfers_.push_back({flow.bytes, flow.start_up, cap, flow.route, flow.multiplicity, flow.weight});
  return id;
}

TaskId TaskGraph::add_join(PhaseId phase) {
  Task task;
  task.phase = phase;
  return add(task);
}

void TaskGraph::depends(TaskId id, TaskId on) {
  MOESIM_CHECK(!has_run_, "a dependency was added after run()");
  task(id);
  task(on);
  ++tasks_[id.index()].waits_for;
  dependencies_.emplace_back(on, id);
}

// A counting sort by the task that is waited for; it keeps the order of depends().
void TaskGraph::index_successors() {
  MOESIM_CHECK(dependencies_.size() <= std::numeric_limits<std::uint32_t>::max(), "{} edges", dependencies_.size());
  for (const auto& edge : dependencies_) ++tasks_[edge.first.index()].first_successor;
  std::uint32_t sum = 0;
  for (Task& task : tasks_) {
    sum += task.first_successor;
    task.first_successor = sum;
  }
  successors_.resize(dependencies_.size());
  for (auto edge = dependencies_.rbegin(); edge != dependencies_.rend(); ++edge) {
    successors_[--tasks_[edge->first.index()].first_successor] = edge->second;
  }
  dependencies_ = {};
}

void TaskGraph::run() {
  MOESIM_CHECK(!has_run_, "a graph runs once");
  MOESIM_CHECK(simulator_.now() == Picoseconds::zero(), "the clock stands at {} ps", simulator_.now().count);
  has_run_ = true;
  index_successors();
  for (std::size_t i = 0; i < tasks_.size(); ++i) begin_if_free(TaskId(static_cast<std::int64_t>(i)));
  settle();
  simulator_.run();
  if (num_finished_ != tasks_.size()) fail_stuck();
}

void TaskGraph::fail_stuck() const {
  const auto is_stuck = [](const Task& t) { return t.state != State::kFinished; };
  const auto stuck = std::find_if(tasks_.begin(), tasks_.end(), is_stuck);
  const char* why = stuck->state == State::kRunning ? "its flow never ends" : "dependencies form a cycle";
  throw InternalError(fmt::format("{} of {} tasks are stuck, the first is task {} ({}): {}",
                                  tasks_.size() - num_finished_, tasks_.size(), stuck - tasks_.begin(),
                                  phase_names_[stuck->phase.index()], why));
}

void TaskGraph::begin_if_free(TaskId id) {
  Task& task = tasks_[id.index()];
  if (task.waits_for != 0) return;
  const Picoseconds now = simulator_.now();
  task.state = State::kRunning;
  task.begin = now;
  switch (task.kind) {
    case TaskKind::kJoin:
      due_.push_back(id);
      break;
    case TaskKind::kTransfer:
      start_flow(id);
      break;
    case TaskKind::kCompute:
      if (task.duration == Picoseconds::zero()) {
        due_.push_back(id);
      } else {
        MOESIM_CHECK(task.duration <= Picoseconds::max() - now, "{} ps from {} ps on", task.duration.count, now.count);
        simulator_.schedule(now + task.duration, *this, static_cast<std::uint64_t>(id.value));
      }
      break;
  }
}

void TaskGraph::start_flow(TaskId id) {
  const Transfer& transfer = transfers_[static_cast<std::size_t>(tasks_[id.index()].place)];
  FlowSpec flow;
  flow.route = transfer.route;
  flow.bytes = transfer.bytes;
  flow.start_up = transfer.start_up;
  if (transfer.rate_cap_bytes_per_s != std::numeric_limits<double>::infinity()) {
    flow.rate_cap = Bandwidth::bytes_per_s(transfer.rate_cap_bytes_per_s);
  }
  flow.multiplicity = transfer.multiplicity;
  flow.weight = transfer.weight;
  flow.tag = static_cast<std::uint64_t>(id.value);
  network_.start(flow);
}

void TaskGraph::finish(TaskId id) {
  Task& task = tasks_[id.index()];
  task.state = State::kFinished;
  task.end = simulator_.now();
  makespan_ = task.end;  // The clock only moves forward.
  ++num_finished_;
  if (task.next_on_stream.valid()) release(task.next_on_stream, id);
  const std::size_t end = id.index() + 1 < tasks_.size() ? tasks_[id.index() + 1].first_successor : successors_.size();
  for (std::size_t i = task.first_successor; i < end; ++i) {
    tasks_[successors_[i].index()].ready = task.end;
    release(successors_[i], id);
  }
}

void TaskGraph::release(TaskId id, TaskId predecessor) {
  Task& task = tasks_[id.index()];
  const bool is_later = !task.binding.valid() || tasks_[task.binding.index()].end < simulator_.now();
  if (is_later || predecessor < task.binding) task.binding = predecessor;
  --task.waits_for;
  begin_if_free(id);
}

// A loop and not a recursion, so that a chain of joins may be as long as it likes.
void TaskGraph::settle() {
  for (std::size_t i = 0; i < due_.size(); ++i) finish(due_[i]);
  due_.clear();
}

void TaskGraph::on_event(std::uint64_t payload) {
  due_.push_back(TaskId(static_cast<std::int64_t>(payload)));
  settle();
}

void TaskGraph::on_flow_finished(FlowId, std::uint64_t tag) { on_event(tag); }

const TaskGraph::Task& TaskGraph::task(TaskId id) const {
  MOESIM_CHECK(id.valid() && id.index() < tasks_.size(), "task {} of {}", id.value, tasks_.size());
  return tasks_[id.index()];
}

const TaskGraph::Task& TaskGraph::finished(TaskId id) const {
  const Task& found = task(id);
  MOESIM_CHECK(found.state == State::kFinished, "task {} has not finished", id.value);
  return found;
}

Picoseconds TaskGraph::ready(TaskId id) const { return finished(id).ready; }
Picoseconds TaskGraph::begin(TaskId id) const { return finished(id).begin; }
Picoseconds TaskGraph::end(TaskId id) const { return finished(id).end; }

Picoseconds TaskGraph::makespan() const {
  MOESIM_CHECK(has_run_ && num_finished_ == tasks_.size(), "{} of {} finished", num_finished_, tasks_.size());
  return makespan_;
}

std::vector<CriticalSpan> TaskGraph::critical_path() const {
  std::vector<CriticalSpan> path;
  const Picoseconds last = makespan();
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const Task& t) { return t.end == last; });
  if (found == tasks_.end()) return path;
  for (TaskId id(found - tasks_.begin()); id.valid(); id = tasks_[id.index()].binding) {
    const Task& on_path = tasks_[id.index()];
    if (on_path.begin != on_path.end) path.push_back({id, on_path.begin, on_path.end});
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<Picoseconds> TaskGraph::critical_time_by_phase() const {
  std::vector<Picoseconds> time(num_phases());
  for (const CriticalSpan& span : critical_path()) time[phase(span.task).index()] += span.end - span.begin;
  return time;
}

TaskKind TaskGraph::kind(TaskId id) const { return task(id).kind; }
PhaseId TaskGraph::phase(TaskId id) const { return task(id).phase; }

std::optional<StreamId> TaskGraph::stream(TaskId id) const {
  if (kind(id) != TaskKind::kCompute) return std::nullopt;
  return StreamId(task(id).place);
}

std::optional<RouteId> TaskGraph::route(TaskId id) const {
  if (kind(id) != TaskKind::kTransfer) return std::nullopt;
  return transfers_[static_cast<std::size_t>(task(id).place)].route;
}

const std::string& TaskGraph::phase_name(PhaseId phase) const { return phase_names_.at(phase.index()); }
RankId TaskGraph::stream_rank(StreamId stream) const { return streams_.at(stream.index()).rank; }
const std::string& TaskGraph::stream_name(StreamId stream) const { return streams_.at(stream.index()).name; }

}  // namespace moesim
