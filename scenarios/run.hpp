#pragma once

#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

class Trace;

struct RunOptions {
  Trace* trace = nullptr;  // Filled with the run's timeline, if given.
};

// Simulates one scenario. Everything in the result but `wall_s` is a function of the scenario alone.
RunResult run_scenario(const Scenario& scenario, const RunOptions& options = {});

}  // namespace moesim
