#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/flow_network.hpp"
#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

using ProcessId = Id<struct ProcessTag>;  // A group of lanes in a trace, such as a node.
using LaneId = Id<struct LaneTag>;        // A row of slices, such as a stream or a link.
using CounterId = Id<struct CounterTag>;  // A value over time, beside the lanes of a process.
using NameId = Id<struct NameTag>;

struct TraceProcess {
  NameId name;
  std::int32_t sort_order;
};

struct TraceLane {
  ProcessId process;
  NameId name;
  std::int32_t sort_order;  // Within the process.
};

struct TraceCounter {
  ProcessId process;
  NameId name;
};

struct TraceArgument {
  NameId name;
  double value;
};

struct TraceSlice {
  LaneId lane;
  NameId name;
  Picoseconds begin;
  Picoseconds end;
  std::optional<TraceArgument> argument;
};

// From one slice to a later one, such as from a dispatch to the experts that it feeds.
struct TraceArrow {
  LaneId from;
  Picoseconds from_at;
  LaneId to;
  Picoseconds to_at;
};

struct TraceSample {
  CounterId counter;
  Picoseconds at;
  double value;
};

// A timeline in memory, for a writer to turn into a file. Equal names are stored once.
class Trace {
 public:
  ProcessId add_process(std::string_view name, std::int32_t sort_order);
  LaneId add_lane(ProcessId process, std::string_view name, std::int32_t sort_order);
  CounterId add_counter(ProcessId process, std::string_view name);
  NameId intern(std::string_view name);

  // begin <= end. In any order; a lane's slices must not overlap, which sort() checks.
  void add_slice(LaneId lane, NameId name, Picoseconds begin, Picoseconds end,
                 std::optional<TraceArgument> argument = std::nullopt);
  // from_at <= to_at.
  void add_arrow(LaneId from, Picoseconds from_at, LaneId to, Picoseconds to_at);
  // In order of time within a counter. Of several samples at one instant the last stays.
  void add_sample(CounterId counter, Picoseconds at, double value);

  // Sorts the slices by lane and time. Two that overlap in one lane are an InternalError that names both: viewers drop
  // or move such slices, so that the picture would lie.
  void sort();

  const std::string& name(NameId id) const { return names_.at(id.index()); }
  std::span<const TraceProcess> processes() const { return processes_; }  // [ProcessId]
  std::span<const TraceLane> lanes() const { return lanes_; }             // [LaneId]
  std::span<const TraceCounter> counters() const { return counters_; }    // [CounterId]
  std::span<const TraceSlice> slices() const { return slices_; }
  std::span<const TraceArrow> arrows() const { return arrows_; }
  std::span<const TraceSample> samples() const { return samples_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, NameId, std::less<>> name_ids_;
  std::vector<TraceProcess> processes_;
  std::vector<TraceLane> lanes_;
  std::vector<TraceCounter> counters_;
  std::vector<std::optional<std::size_t>> last_sample_;  // [CounterId], an index into samples_.
  std::vector<TraceSlice> slices_;
  std::vector<TraceArrow> arrows_;
  std::vector<TraceSample> samples_;
};

// How a link is shown.
struct TracedLink {
  ProcessId process;
  std::string name;
  Bandwidth capacity;
};

// Writes what links carry into a trace: on a lane for each link that carries anything, one slice "busy" from when its
// rate leaves zero to when it comes back, with the mean rate as its argument, and a counter of the rate as a share of
// the capacity.
class LinkUsageRecorder final : public LinkObserver {
 public:
  LinkUsageRecorder(Trace& trace, std::vector<TracedLink> links);  // [LinkId]

  void on_link_rate(LinkId link, Picoseconds at, double bytes_per_s) override;
  // Ends the slices that are still open. Call once, when the simulation is over.
  void finish(Picoseconds at);

 private:
  struct Usage {
    std::optional<LaneId> lane;  // Made when the link is first used, with the counter.
    std::optional<CounterId> counter;
    std::optional<Picoseconds> busy_since;
    Picoseconds last_at;
    double rate_bytes_per_s = 0;  // Since last_at.
    double bytes = 0;             // Since busy_since.
  };

  void advance(LinkId link, Picoseconds at);
  void end_slice(Usage& usage, Picoseconds at);

  Trace& trace_;
  std::vector<TracedLink> links_;
  std::vector<Usage> usage_;
  NameId busy_;
  NameId mean_rate_;
};

}  // namespace moesim
