#pragma once

#include <string>

#include "scenarios/result.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {

// What of a report is of the workloads `prefill` and `decode` alone.
std::string serving_work_text(const Scenario& scenario);
std::string serving_text(const RunResult& result, const ReportStyle& style);

}  // namespace moesim
