#include "scenarios/result_json.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"
#include "scenarios/scenario_json.hpp"
#include "scenarios/version.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

// A quotient of integers is rounded once, so that it prints as the decimal that it is: 1234.567891.
double microseconds(Picoseconds time) { return static_cast<double>(time.count) / 1e6; }

double finite(double value) {
  MOESIM_CHECK(std::isfinite(value), "{} in a result", value);
  return value;
}

template <class Value>
void put_if(ordered_json& json, const char* key, const std::optional<Value>& value) {
  if (value) json[key] = *value;
}

ordered_json traffic_json(const ExchangeTraffic& traffic) {
  return {{"copies", traffic.copies},
          {"elements_remote", finite(traffic.elements_remote)},
          {"elements_closed_form", finite(traffic.elements_closed_form)},
          {"bytes_scale_up", traffic.bytes_scale_up.count},
          {"bytes_scale_out", traffic.bytes_scale_out.count}};
}

ordered_json load_json(const LoadResult& load) {
  ordered_json json = {{"expert_max_over_mean", finite(load.expert_max_over_mean)},
                       {"rank_max_over_mean", finite(load.rank_max_over_mean)},
                       {"dropped_fraction", finite(load.dropped_fraction)},
                       {"retained_gate_mass", finite(load.retained_gate_mass)},
                       {"min_expert_tokens", load.min_expert_tokens},
                       {"max_expert_tokens", load.max_expert_tokens}};
  put_if(json, "max_nodes_per_token", load.max_nodes_per_token);
  return json;
}

ordered_json placement_result_json(const PlacementResult& placement) {
  return {{"contiguous_max_over_mean", finite(placement.contiguous_max_over_mean)},
          {"max_over_mean", finite(placement.max_over_mean)},
          {"least_max_over_mean", finite(placement.least_max_over_mean)},
          {"experts_per_rank", placement.experts_per_rank}};
}

ordered_json side_json(const RebalanceSide& side) {
  return {{"layer_us", microseconds(side.layer)},
          {"rank_max_over_mean", finite(side.rank_max_over_mean)},
          {"bytes_scale_out", side.bytes_scale_out.count},
          {"weights_bytes", side.weights.count}};
}

ordered_json rebalance_json(const RebalanceResult& rebalance) {
  ordered_json json = {{"before", side_json(rebalance.before)},
                       {"after", side_json(rebalance.after)},
                       {"experts_moved", rebalance.experts_moved},
                       {"expert_slots", rebalance.expert_slots},
                       {"bytes_scale_up", rebalance.bytes_scale_up.count},
                       {"bytes_scale_out", rebalance.bytes_scale_out.count},
                       {"most_received_bytes", rebalance.most_received.count},
                       {"layers", rebalance.layers},
                       {"saved_us", microseconds(rebalance.before.layer) - microseconds(rebalance.after.layer)}};
  put_if(json, "break_even_steps", rebalance.break_even_steps);
  put_if(json, "break_even_tokens_per_rank", rebalance.break_even_tokens_per_rank);
  return json;
}

ordered_json memory_json(const MemoryResult& memory) {
  ordered_json json = {{"weights_bytes", memory.weights.count}, {"activations_bytes", memory.activations.count}};
  if (memory.gradients) json["gradients_bytes"] = memory.gradients->count;
  if (memory.kv_cache) json["kv_cache_bytes"] = memory.kv_cache->count;
  if (memory.optimizer) json["optimizer_bytes"] = memory.optimizer->count;
  json["buffers_bytes"] = memory.buffers.count;
  json["total_bytes"] = memory.total().count;
  json["capacity_bytes"] = memory.capacity.count;
  json["fits"] = memory.fits();
  return json;
}

ordered_json kernels_json(const KernelResults& kernels) {
  ordered_json json = {{"rank", kernels.rank},
                       {"fits", kernels.fits},
                       {"multiprocessors_lent", kernels.multiprocessors_lent},
                       {"kernels", ordered_json::array()}};
  for (const KernelResult& kernel : kernels.kernels) {
    json["kernels"].push_back({{"kernel", kernel.name},
                               {"time_us", microseconds(kernel.time)},
                               {"uncalibrated_us", microseconds(kernel.uncalibrated)},
                               {"bound", kernel.bound}});
  }
  return json;
}

ordered_json steps_json(const StepResults& steps) {
  ordered_json json = {{"steps", steps.steps},
                       {"layers", steps.layers},
                       {"layer_time_us",
                        {{"mean", microseconds(steps.mean)},
                         {"min", microseconds(steps.min)},
                         {"p50", microseconds(steps.p50)},
                         {"p99", microseconds(steps.p99)},
                         {"max", microseconds(steps.max)}}},
                       {"slowest", {{"step", steps.slowest_step}, {"layer", steps.slowest_layer}}}};
  const auto samples = static_cast<double>(steps.times.size());
  ordered_json& stragglers = json["stragglers"] = ordered_json::array();
  for (const auto& [rank, times] : steps.stragglers) {
    stragglers.push_back({{"rank", rank}, {"share", times / samples}});
  }
  ordered_json& rows = json["times_us"] = ordered_json::array();
  for (std::size_t i = 0; i < steps.times.size(); ++i) {
    if (i % static_cast<std::size_t>(steps.layers) == 0) rows.push_back(ordered_json::array());
    rows.back().push_back(microseconds(steps.times[i]));
  }
  return json;
}

ordered_json flows_json(const std::vector<FlowResult>& flows) {
  ordered_json json = ordered_json::array();
  for (const FlowResult& flow : flows) {
    json.push_back({{"src", flow.request.source.value},
                    {"dst", flow.request.destination.value},
                    {"bytes", flow.request.bytes.count},
                    {"start_us", microseconds(flow.request.start)},
                    {"finish_us", microseconds(flow.finish)}});
  }
  return json;
}

void put_lists(ordered_json& json, const RunResult& result) {
  ordered_json& links = json["links"] = ordered_json::array();
  for (const LinkResult& link : result.links) {
    links.push_back({{"name", link.name}, {"bytes", link.bytes.count}, {"utilization", finite(link.utilization)}});
  }
  if (std::holds_alternative<FlowsWorkload>(result.scenario.workload)) json["flows"] = flows_json(result.flows);
  ordered_json& caveats = json["caveats"] = ordered_json::array();
  for (const Caveat& caveat : result.caveats) caveats.push_back({{"key", caveat.key}, {"text", caveat.text}});
}

}  // namespace

ordered_json result_json(const RunResult& result) {
  ordered_json json = {{"schema", 1},
                       {"version", version()},
                       {"scenario", resolved_json(result.scenario)},
                       {"seed", result.scenario.seed},
                       {"time_us", microseconds(result.time)}};
  put_if(json, "tokens", result.tokens);
  put_if(json, "tokens_per_s", result.tokens_per_s());
  put_if(json, "tokens_per_s_per_gpu", result.tokens_per_s_per_gpu());
  put_if(json, "mfu", result.mfu);
  json["events"] = result.events;
  json["wall_s"] = finite(result.wall_s);
  ordered_json& breakdown = json["breakdown_us"] = ordered_json::object();
  for (const auto& [phase, time] : result.breakdown) breakdown[phase] = microseconds(time);
  if (result.exposed_communication) json["exposed_communication_us"] = microseconds(*result.exposed_communication);
  if (result.dispatch) json["traffic"]["dispatch"] = traffic_json(*result.dispatch);
  if (result.combine) json["traffic"]["combine"] = traffic_json(*result.combine);
  if (result.copies) {
    json["copies"] = {{"to_experts", result.copies->to_experts},
                      {"to_ranks", result.copies->to_ranks},
                      {"to_nodes", result.copies->to_nodes}};
  }
  if (result.bandwidth) {
    json["algorithm_bandwidth_gb_per_s"] = finite(result.bandwidth->algorithm_gb_per_s);
    json["bus_bandwidth_gb_per_s"] = finite(result.bandwidth->bus_gb_per_s);
  }
  if (result.load) json["load"] = load_json(*result.load);
  if (result.placement) json["placement"] = placement_result_json(*result.placement);
  if (result.rebalance) json["rebalance"] = rebalance_json(*result.rebalance);
  if (result.steps) json["steps"] = steps_json(*result.steps);
  if (result.kernels) json["kernels"] = kernels_json(*result.kernels);
  if (result.memory) json["memory"] = memory_json(*result.memory);
  put_lists(json, result);
  return json;
}

std::string result_text(const RunResult& result) { return pretty_json(result_json(result)); }

}  // namespace moesim
