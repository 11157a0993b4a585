#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace moesim {

// Where a text stops being JSON.
struct TraceBreak {
  std::int64_t line = 0;
  bool at_end = false;  // The text ends too early.
};

// Hands over the events of a Chrome trace, {"traceEvents": [...]} or the array alone, one at a time: a trace of
// hundreds of MB is never held as a whole. `device` gets each element of "deviceProperties". A text that breaks off is
// read up to there.
std::optional<TraceBreak> read_trace_events(std::string_view text,
                                            const std::function<void(const nlohmann::json&)>& event,
                                            const std::function<void(const nlohmann::json&)>& device);

}  // namespace moesim
