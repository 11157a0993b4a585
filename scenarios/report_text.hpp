#pragma once

#include <string>

#include "scenarios/result.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {

// The result as a page for people, at most 96 columns wide: what it costs, where the time goes, what crosses which
// links, how even the load is, whether it fits, and what to doubt.
std::string report_text(const RunResult& result, const ReportStyle& style = {});

// Only its head: what the scenario is.
std::string scenario_text(const Scenario& scenario, const ReportStyle& style = {});

}  // namespace moesim
