#include <cstdio>

#include "scenarios/run.hpp"
#include "scenarios/scenario_json.hpp"

int main(int, char** argv) {
  const moesim::RunResult result = moesim::run_scenario(moesim::load_scenario(argv[1]));
  std::printf("%.6f\n", result.time.us());
  return result.time > moesim::Picoseconds::zero() ? 0 : 1;
}
