#include "scenarios/trace_json.hpp"

#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/version.hpp"

namespace moesim {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 16;

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// Microseconds from picoseconds, exactly.
std::string timestamp(Picoseconds at) { return fmt::format("{}.{:06}", at.count / 1'000'000, at.count % 1'000'000); }

class TraceWriter {
 public:
  TraceWriter(const Trace& trace, std::ostream& out) : trace_(trace), out_(out) {}

  void write(std::string_view title) {
    put("{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"scenario\":{},\"moesim\":{}}},\"traceEvents\":[",
        json_string(title), json_string(version()));
    write_metadata();
    for (const TraceSlice& slice : trace_.slices()) write_slice(slice);
    write_arrows();
    for (const TraceSample& sample : trace_.samples()) write_sample(sample);
    put("\n]}}\n");
    flush();
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
    if (buffer_.size() >= kBlockBytes) flush();
  }

  template <class... Args>
  void event(fmt::format_string<Args...> format, Args&&... args) {
    put("{}", first_ ? "\n{" : ",\n{");
    first_ = false;
    put(format, std::forward<Args>(args)...);
    put("}}");
  }

  void flush() {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
  }

  // Viewers want positive numbers.
  static int pid(ProcessId process) { return process.value + 1; }
  static int tid(LaneId lane) { return lane.value + 1; }
  std::string place(LaneId lane) const {
    return fmt::format("\"pid\":{},\"tid\":{}", pid(trace_.lanes()[lane.index()].process), tid(lane));
  }

  // Each name is escaped once.
  const std::string& name(NameId id) {
    if (names_.size() <= id.index()) names_.resize(id.index() + 1);
    std::string& text = names_[id.index()];
    if (text.empty()) text = json_string(trace_.name(id));
    return text;
  }

  void write_metadata() {
    for (std::size_t i = 0; i < trace_.processes().size(); ++i) {
      const TraceProcess& process = trace_.processes()[i];
      event("\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{},\"args\":{{\"name\":{}}}", i + 1, name(process.name));
      event("\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":{},\"args\":{{\"sort_index\":{}}}", i + 1,
            process.sort_order);
    }
    for (std::size_t i = 0; i < trace_.lanes().size(); ++i) {
      const TraceLane& lane = trace_.lanes()[i];
      const std::string where = place(LaneId(static_cast<std::int64_t>(i)));
      event("\"ph\":\"M\",\"name\":\"thread_name\",{},\"args\":{{\"name\":{}}}", where, name(lane.name));
      event("\"ph\":\"M\",\"name\":\"thread_sort_index\",{},\"args\":{{\"sort_index\":{}}}", where, lane.sort_order);
    }
  }

  void write_slice(const TraceSlice& slice) {
    std::string arguments;
    if (slice.argument) {
      arguments = fmt::format(",\"args\":{{{}:{}}}", name(slice.argument->name), slice.argument->value);
    }
    event("\"ph\":\"X\",\"name\":{},{},\"ts\":{},\"dur\":{}{}", name(slice.name), place(slice.lane),
          timestamp(slice.begin), timestamp(slice.end - slice.begin), arguments);
  }

  void write_arrows() {
    const std::size_t step = 1 + (trace_.arrows().size() - std::size_t{!trace_.arrows().empty()}) / kMaxTraceArrows;
    for (std::size_t i = 0; i < trace_.arrows().size(); i += step) {
      const TraceArrow& arrow = trace_.arrows()[i];
      event("\"ph\":\"s\",\"cat\":\"message\",\"name\":\"message\",\"id\":{},{},\"ts\":{}", i + 1, place(arrow.from),
            timestamp(arrow.from_at));
      event("\"ph\":\"f\",\"bp\":\"e\",\"cat\":\"message\",\"name\":\"message\",\"id\":{},{},\"ts\":{}", i + 1,
            place(arrow.to), timestamp(arrow.to_at));
    }
  }

  void write_sample(const TraceSample& sample) {
    const TraceCounter& counter = trace_.counters()[sample.counter.index()];
    event("\"ph\":\"C\",\"name\":{},\"pid\":{},\"ts\":{},\"args\":{{\"value\":{}}}", name(counter.name),
          pid(counter.process), timestamp(sample.at), sample.value);
  }

  const Trace& trace_;
  std::ostream& out_;
  fmt::memory_buffer buffer_;
  std::vector<std::string> names_;  // [NameId], quoted; empty until used.
  bool first_ = true;
};

}  // namespace

void write_trace_json(const Trace& trace, std::string_view title, std::ostream& out) {
  TraceWriter(trace, out).write(title);
}

}  // namespace moesim
