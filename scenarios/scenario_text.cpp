#include <string>

#include <fmt/format.h>

#include "scenarios/report_text.hpp"
#include "scenarios/serving_json.hpp"
#include "scenarios/serving_text.hpp"
#include "scenarios/training_text.hpp"

namespace moesim {
namespace {

std::string ranks_text(int ranks) { return fmt::format("{} {}", grouped(ranks), ranks == 1 ? "rank" : "ranks"); }

std::string exchange_text(const Scenario& scenario) {
  const DispatchSpec& dispatch = scenario.dispatch;
  return fmt::format("{} routing, {} exchange, dispatch in {}, combine in {}", name(scenario.routing->kind),
                     name(dispatch.algorithm), name(dispatch.dispatch_dtype), name(dispatch.combine_dtype));
}

std::string work_text(const Scenario& scenario) {
  if (const auto* layer = std::get_if<MoeLayerWorkload>(&scenario.workload)) {
    std::string way(name(layer->direction));
    if (layer->direction == Direction::forward_backward) way = "forward and backward";
    return fmt::format("one MoE layer of {}, {}, {} tokens a rank, EP {}\n{}", scenario.model->name, way,
                       grouped(layer->tokens_per_rank), scenario.parallelism.ep, exchange_text(scenario));
  }
  if (const auto* exchange = std::get_if<ExchangeWorkload>(&scenario.workload)) {
    return fmt::format("the {} of one MoE layer of {}, {} tokens a rank, EP {}\n{}",
                       exchange->op == ExchangeDirection::dispatch ? "dispatch" : "combine", scenario.model->name,
                       grouped(exchange->tokens_per_rank), scenario.parallelism.ep, exchange_text(scenario));
  }
  if (const auto* rebalance = std::get_if<RebalanceWorkload>(&scenario.workload)) {
    return fmt::format("from {} to {} placement, one MoE layer of {}, {} tokens a rank, EP {}\n{}",
                       name(rebalance->from.spec.kind), name(scenario.placement.spec.kind), scenario.model->name,
                       grouped(rebalance->tokens_per_rank), scenario.parallelism.ep, exchange_text(scenario));
  }
  if (const auto* collective = std::get_if<CollectiveWorkload>(&scenario.workload)) {
    return fmt::format("{} of {}, {}, {}", name(collective->op),
                       bytes_text(static_cast<double>(collective->bytes.count)),
                       collective->op == CollectiveOp::send_recv
                           ? fmt::format("rank {} to rank {}", collective->source.value, collective->destination.value)
                           : ranks_text(collective->ranks),
                       name(collective->algorithm));
  }
  if (const auto* flows = std::get_if<FlowsWorkload>(&scenario.workload)) {
    const std::size_t count = flows->flows.size();
    return fmt::format("{} given {}", grouped(static_cast<std::int64_t>(count)), count == 1 ? "flow" : "flows");
  }
  if (const auto* training = std::get_if<TrainingWorkload>(&scenario.workload)) {
    const std::string work = training_work_text(scenario, *training);
    return scenario.model->moe ? work + "\n" + exchange_text(scenario) : work;
  }
  if (serving_options(scenario) != nullptr) {
    return serving_work_text(scenario) + (scenario.model->moe ? "\n" + exchange_text(scenario) : "");
  }
  return fmt::format("all-to-all of {}, {}", ranks_text(scenario.parallelism.ep), name(scenario.dispatch.algorithm));
}

}  // namespace

std::string scenario_text(const Scenario& scenario, const ReportStyle& style) {
  const int nodes = scenario.cluster.nodes;
  const std::string machine =
      fmt::format("{}: {} of {} ({} {} x {})", scenario.cluster.name, ranks_text(scenario.world_size),
                  scenario.gpu.name, grouped(nodes), nodes == 1 ? "node" : "nodes", scenario.cluster.ranks_per_node);
  return fmt::format("{}\n{}\n{}\n", bold(scenario.name, style), faint(work_text(scenario), style),
                     faint(machine, style));
}

}  // namespace moesim
