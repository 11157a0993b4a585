#pragma once

#include <ostream>
#include <string_view>

#include "sim/trace.hpp"

namespace moesim {

// Writes a trace as Trace Event JSON, which ui.perfetto.dev and chrome://tracing open: a process of the trace is a
// process there and a lane a thread; times are microseconds with all their picosecond digits. One event a line, written
// as it goes. Of more than kMaxTraceArrows arrows every n-th is written. The trace has been sorted.
void write_trace_json(const Trace& trace, std::string_view title, std::ostream& out);

inline constexpr std::size_t kMaxTraceArrows = 20'000;

}  // namespace moesim
