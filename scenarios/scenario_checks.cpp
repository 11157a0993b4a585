#include "scenarios/scenario_checks.hpp"

#include <fmt/format.h>

namespace moesim {

namespace {

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 31;
constexpr double kGib = 1 << 30;
constexpr double kMaxGib = 64;
// What a pair of ranks takes in the counts of a routing pass, in the messages of an exchange, and as tasks and flows.
constexpr double kBytesPerPair = 400;

}  // namespace

std::string near_divisors(std::int64_t number, std::int64_t wanted) {
  std::int64_t below = 1;
  std::int64_t above = number;
  for (std::int64_t divisor = 1; divisor * divisor <= number; ++divisor) {
    if (number % divisor != 0) continue;
    for (const std::int64_t d : {divisor, number / divisor}) {
      if (d <= wanted && d > below) below = d;
      if (d >= wanted && d < above) above = d;
    }
  }
  return below == above || above < wanted ? fmt::format("nearest: {}", below)
                                          : fmt::format("nearest: {} or {}", below, above);
}

void check_size(const Scenario& scenario, const JsonReader& reader) {
  if (std::holds_alternative<FlowsWorkload>(scenario.workload)) return;  // It was read: there is room for it.
  const double ranks = scenario.parallelism.ep;
  const double gib = ranks * ranks * kBytesPerPair / kGib;
  if (gib > kMaxGib) {
    reader.fail("parallelism", fmt::format("{} ranks, whose pairs would take {:.0f} GiB", scenario.parallelism.ep, gib),
                fmt::format("at most {:.0f} GiB", kMaxGib));
  }
  if (const auto* layer = std::get_if<MoeLayerWorkload>(&scenario.workload)) {
    // Both factors are below 2^31: no overflow.
    const std::int64_t tokens = layer->tokens_per_rank * scenario.parallelism.ep;
    if (tokens > kMaxTokens) {
      reader.fail("workload", fmt::format("{} tokens over {} ranks", tokens, scenario.parallelism.ep),
                  fmt::format("at most {} tokens", kMaxTokens));
    }
  }
}

}  // namespace moesim
