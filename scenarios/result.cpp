#include "scenarios/result.hpp"

namespace moesim {

std::optional<double> RunResult::tokens_per_s() const {
  if (serving) return serving->tokens_per_s;
  if (!tokens || time.count == 0) return std::nullopt;
  return static_cast<double>(*tokens) / time.seconds();
}

std::optional<double> RunResult::tokens_per_s_per_gpu() const {
  const auto rate = tokens_per_s();
  if (!rate) return std::nullopt;
  return *rate / (training || serving ? scenario.parallelism.ranks()
                                      : scenario.parallelism.ep);  // The tokens are those of one group.
}

}  // namespace moesim
