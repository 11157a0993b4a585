#pragma once

#include <string>

#include "scenarios/result.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {

// What a training step is, in a line: "one training step of ...".
std::string training_work_text(const Scenario& scenario, const TrainingWorkload& workload);

// The part of a report that a training step alone has: FLOP/s, and what each pipeline rank does with its time.
std::string training_text(const Scenario& scenario, const TrainingResult& training, const ReportStyle& style);

}  // namespace moesim
