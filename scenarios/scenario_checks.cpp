#include "scenarios/scenario_checks.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "scenarios/exchange_runner.hpp"

namespace moesim {

namespace {

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 31;
constexpr double kGib = 1 << 30;
constexpr double kMaxGib = 64;
// What a pair of ranks takes in the counts of a routing pass, in the messages of an exchange, and as tasks and flows.
constexpr double kBytesPerPair = 400;
constexpr double kManyFlows = 100'000;
constexpr double kManySlowChoices = 50e6;
// What a choice takes until the capacity of its scope has been shared out.
constexpr double kBytesPerChoice = 8;

// Of messages: rough, as kBytesPerPair is. A wait is an index, and an edge between two tasks.
constexpr double kBytesPerMessage = 400;
constexpr double kBytesPerWait = 20;
constexpr double kMostInPlan = 2147483647;  // Plans number messages and waits in 32 bits.

void check_collective(const Scenario& scenario, const CollectiveWorkload& workload, const JsonReader& reader) {
  const PlanSize size = most_of_plan(collective_request(workload, scenario.cluster));
  const double gib = (size.messages * kBytesPerMessage + size.waits * kBytesPerWait) / kGib;
  if (gib <= kMaxGib && size.messages < kMostInPlan && size.waits < kMostInPlan) return;
  reader.fail(
      "workload",
      fmt::format("{} by {} of {} ranks, whose {:.3g} messages wait {:.3g} times for one another and would take "
                  "{:.0f} GiB",
                  name(workload.op), name(workload.algorithm), workload.ranks, size.messages, size.waits, gib),
      fmt::format("at most {:.0f} GiB and {:.0f} waits: fewer ranks, or another algorithm", kMaxGib, kMostInPlan));
}

// Of the workloads that route tokens.
std::optional<std::int64_t> routed_tokens_per_rank(const Scenario& scenario) {
  if (const auto* layer = std::get_if<MoeLayerWorkload>(&scenario.workload)) return layer->tokens_per_rank;
  if (const auto* exchange = std::get_if<ExchangeWorkload>(&scenario.workload)) return exchange->tokens_per_rank;
  if (const auto* rebalance = std::get_if<RebalanceWorkload>(&scenario.workload)) return rebalance->tokens_per_rank;
  return std::nullopt;
}

void check_capacity_memory(const Scenario& scenario, std::int64_t tokens_per_rank, const JsonReader& reader) {
  const RouterSpec& router = *scenario.routing;
  if (!router.capacity) return;
  const bool batch = router.capacity->scope == Capacity::Scope::batch;
  const double tokens = static_cast<double>(tokens_per_rank) * (batch ? scenario.parallelism.ep : 1);
  const double gib = tokens * router.top_k * kBytesPerChoice / kGib;
  if (gib <= kMaxGib) return;
  reader.fail("workload", fmt::format("{:.0f} tokens to share a capacity, which would take {:.0f} GiB", tokens, gib),
              fmt::format("at most {:.0f} GiB", kMaxGib));
}

// Of the workloads that are not layers, roughly.
double messages_of_pairs(const Scenario& scenario) {
  if (std::holds_alternative<AllToAllWorkload>(scenario.workload)) {
    return static_cast<double>(scenario.parallelism.ep) * scenario.parallelism.ep;
  }
  const auto* collective = std::get_if<CollectiveWorkload>(&scenario.workload);
  if (collective == nullptr) return 0;
  const bool pairs =
      collective->algorithm == CollectiveAlgorithm::ring || collective->algorithm == CollectiveAlgorithm::direct;
  const double ranks = collective->ranks;
  return pairs ? ranks * ranks * (collective->op == CollectiveOp::all_reduce ? 2 : 1) : 0;
}

std::string many_flows_notice(double flows) {
  if (flows <= kManyFlows) return "";
  return fmt::format("moesim: about {:.0f} flows to share out; this can take from seconds to hours\n", flows);
}

}  // namespace

std::int64_t largest_divisor(std::int64_t number, std::int64_t most) {
  std::int64_t divisor = std::min(number, most);
  while (number % divisor != 0) --divisor;
  return divisor;
}

std::string near_divisors(std::int64_t number, std::int64_t wanted, std::int64_t most) {
  const std::int64_t below = largest_divisor(number, std::min(wanted, most));
  std::int64_t above = wanted;
  while (above <= most && above <= number && number % above != 0) ++above;
  return above > most || above > number || above == below ? fmt::format("nearest: {}", below)
                                                          : fmt::format("nearest: {} or {}", below, above);
}

void check_size(const Scenario& scenario, const JsonReader& reader) {
  if (std::holds_alternative<FlowsWorkload>(scenario.workload)) return;  // It was read: there is room for it.
  if (const auto* collective = std::get_if<CollectiveWorkload>(&scenario.workload)) {
    return check_collective(scenario, *collective, reader);
  }
  const double ranks = scenario.parallelism.ep;
  const double gib = ranks * ranks * kBytesPerPair / kGib;
  if (gib > kMaxGib) {
    reader.fail("parallelism", fmt::format("{} ranks, whose pairs would take {:.0f} GiB", scenario.parallelism.ep, gib),
                fmt::format("at most {:.0f} GiB", kMaxGib));
  }
  const auto per_rank = routed_tokens_per_rank(scenario);
  if (!per_rank) return;
  // Both factors are below 2^31: no overflow.
  const std::int64_t tokens = *per_rank * scenario.parallelism.ep;
  if (tokens > kMaxTokens) {
    reader.fail("workload", fmt::format("{} tokens over {} ranks", tokens, scenario.parallelism.ep),
                fmt::format("at most {} tokens", kMaxTokens));
  }
  check_capacity_memory(scenario, *per_rank, reader);
}

std::string long_run_notice(const Scenario& scenario) {
  const auto per_rank = routed_tokens_per_rank(scenario);
  if (!per_rank) return many_flows_notice(messages_of_pairs(scenario));
  const ExchangeAlgorithm algorithm = scenario.dispatch.algorithm;
  const double ranks = scenario.parallelism.ep;
  const bool by_pairs = algorithm != ExchangeAlgorithm::two_hop && algorithm != ExchangeAlgorithm::all_gather &&
                        scenario.dispatch.padding == Padding::none;
  if (by_pairs && ranks * ranks > kManyFlows) return many_flows_notice(ranks * ranks);
  const RouterSpec& router = *scenario.routing;
  const bool slow = scenario.routing_path == RoutingPath::logits || router.kind == RoutingKind::noisy_top_k ||
                    router.kind == RoutingKind::expert_choice;
  const auto* layer = std::get_if<MoeLayerWorkload>(&scenario.workload);
  const double runs = layer == nullptr ? 1 : static_cast<double>(layer->steps) * layer->layers;
  const double choices = static_cast<double>(*per_rank) * ranks * router.top_k * runs;
  if (slow && choices > kManySlowChoices) {
    return fmt::format("moesim: about {:.0f} choices to route one by one; this can take minutes to hours\n", choices);
  }
  return "";
}

}  // namespace moesim
