#pragma once

#include <string>
#include <vector>

#include "models/schedule/pipeline_timing.hpp"

namespace moesim {

// A pipeline over time in text, one line a rank and one column a fixed span of time:
//   F0F1F2F3............B0--F4B1--F5
// F is a forward, B a backward, I an input gradient, W a weight gradient, each of the micro-batch that follows; dashes
// fill its time, dots are the bubble. A rank's second chunk is in lower case; with more than two a chunk follows after
// a point: F3.2. F4+b0 are a forward and a backward that overlap. What takes no time is not shown.
// Nothing if it would be wider than 4096 columns.
std::vector<std::string> schedule_picture(const PipelineSchedule& schedule, const PipelineTiming& timing);

// What the letters of this picture mean.
std::string schedule_legend(const PipelineSchedule& schedule);

}  // namespace moesim
