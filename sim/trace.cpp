#include "sim/trace.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace moesim {
namespace {

template <class NewId, class T>
NewId push(std::vector<T>& items, T item) {
  items.push_back(std::move(item));
  return NewId(static_cast<std::int64_t>(items.size()) - 1);
}

template <class Tag, class T>
void check_id(Id<Tag> id, const std::vector<T>& items) {
  MOESIM_CHECK(id.valid() && id.index() < items.size(), "id {} of {}", id.value, items.size());
}

}  // namespace

NameId Trace::intern(std::string_view name) {
  const auto found = name_ids_.find(name);
  if (found != name_ids_.end()) return found->second;
  const auto id = push<NameId>(names_, std::string(name));
  name_ids_.emplace(name, id);
  return id;
}

ProcessId Trace::add_process(std::string_view name, std::int32_t sort_order) {
  return push<ProcessId>(processes_, TraceProcess{intern(name), sort_order});
}

LaneId Trace::add_lane(ProcessId process, std::string_view name, std::int32_t sort_order) {
  check_id(process, processes_);
  return push<LaneId>(lanes_, TraceLane{process, intern(name), sort_order});
}

CounterId Trace::add_counter(ProcessId process, std::string_view name) {
  check_id(process, processes_);
  last_sample_.emplace_back();
  return push<CounterId>(counters_, TraceCounter{process, intern(name)});
}

void Trace::add_slice(LaneId lane, NameId name, Picoseconds begin, Picoseconds end,
                      std::optional<TraceArgument> argument) {
  check_id(lane, lanes_);
  check_id(name, names_);
  MOESIM_CHECK(begin <= end, "'{}' from {} to {} ps", names_[name.index()], begin.count, end.count);
  slices_.push_back({lane, name, begin, end, argument});
}

void Trace::add_arrow(LaneId from, Picoseconds from_at, LaneId to, Picoseconds to_at) {
  check_id(from, lanes_);
  check_id(to, lanes_);
  MOESIM_CHECK(from_at <= to_at, "from {} to {} ps", from_at.count, to_at.count);
  arrows_.push_back({from, from_at, to, to_at});
}

void Trace::add_sample(CounterId counter, Picoseconds at, double value) {
  check_id(counter, counters_);
  auto& last = last_sample_[counter.index()];
  if (last) {
    TraceSample& before = samples_[*last];
    MOESIM_CHECK(before.at <= at, "a sample at {} ps after one at {} ps", at.count, before.at.count);
    if (before.at == at) {
      before.value = value;
      return;
    }
  }
  last = samples_.size();
  samples_.push_back({counter, at, value});
}

void Trace::sort() {
  std::stable_sort(slices_.begin(), slices_.end(), [](const TraceSlice& a, const TraceSlice& b) {
    return std::tie(a.lane, a.begin, a.end) < std::tie(b.lane, b.begin, b.end);
  });
  for (std::size_t i = 1; i < slices_.size(); ++i) {
    const TraceSlice& a = slices_[i - 1];
    const TraceSlice& b = slices_[i];
    MOESIM_CHECK(a.lane != b.lane || a.end <= b.begin, "in lane '{}', '{}' [{}, {}) ps overlaps '{}' [{}, {}) ps",
                 name(lanes_[a.lane.index()].name), name(a.name), a.begin.count, a.end.count, name(b.name),
                 b.begin.count, b.end.count);
  }
}

LinkUsageRecorder::LinkUsageRecorder(Trace& trace, std::vector<TracedLink> links)
    : trace_(trace),
      links_(std::move(links)),
      usage_(links_.size()),
      busy_(trace.intern("busy")),
      mean_rate_(trace.intern("mean_gbyte_per_s")) {
  for (const TracedLink& link : links_) {
    MOESIM_CHECK(link.capacity.bytes_per_s() > 0, "{} of {} B/s", link.name, link.capacity.bytes_per_s());
  }
}

void LinkUsageRecorder::on_link_rate(LinkId link, Picoseconds at, double bytes_per_s) {
  check_id(link, usage_);
  const TracedLink& traced = links_[link.index()];
  Usage& usage = usage_[link.index()];
  if (!usage.lane) {
    if (bytes_per_s <= 0) return;
    usage.lane = trace_.add_lane(traced.process, traced.name, link.value);
    usage.counter = trace_.add_counter(traced.process, traced.name + " utilization");
  }
  advance(link, at);
  usage.rate_bytes_per_s = bytes_per_s;
  if (bytes_per_s > 0 && !usage.busy_since) {
    usage.busy_since = at;
    usage.bytes = 0;
  }
  trace_.add_sample(*usage.counter, at, bytes_per_s / traced.capacity.bytes_per_s());
}

// Accounts for the time from the last change to this one. A slice is ended only when the link has been idle for a
// while: a rate of zero that lasts no time, between two flows, does not cut it in two.
void LinkUsageRecorder::advance(LinkId link, Picoseconds at) {
  Usage& usage = usage_[link.index()];
  MOESIM_CHECK(at >= usage.last_at, "{}: {} ps after {} ps", links_[link.index()].name, at.count, usage.last_at.count);
  if (usage.busy_since && at > usage.last_at) {
    if (usage.rate_bytes_per_s > 0) {
      usage.bytes += usage.rate_bytes_per_s * (at - usage.last_at).seconds();
    } else {
      end_slice(usage, usage.last_at);
    }
  }
  usage.last_at = at;
}

void LinkUsageRecorder::end_slice(Usage& usage, Picoseconds at) {
  const Picoseconds begin = *usage.busy_since;
  usage.busy_since.reset();
  if (begin == at) return;
  const double gbyte_per_s = usage.bytes / (at - begin).seconds() * 1e-9;
  trace_.add_slice(*usage.lane, busy_, begin, at, TraceArgument{mean_rate_, gbyte_per_s});
}

void LinkUsageRecorder::finish(Picoseconds at) {
  for (std::size_t i = 0; i < usage_.size(); ++i) {
    Usage& usage = usage_[i];
    if (!usage.lane) continue;
    advance(LinkId(static_cast<std::int64_t>(i)), at);
    if (usage.busy_since) end_slice(usage, at);
  }
}

}  // namespace moesim
