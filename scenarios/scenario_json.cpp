#include "scenarios/scenario_json.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/apply_set.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/cluster_topology.hpp"
#include "scenarios/dispatch_json.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/placement_json.hpp"
#include "scenarios/routing_json.hpp"
#include "scenarios/scenario_checks.hpp"
#include "scenarios/text_file.hpp"
#include "scenarios/workload_json.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMaxNameBytes = 200;
constexpr double kMaxTolerance = 0.1;

// An optional object: an absent one is empty, so that its defaults are read like any other's.
JsonReader object_or_empty(JsonReader& reader, std::string_view key) {
  static const json kEmpty = json::object();
  if (reader.has(key)) return reader.object(key);
  return {kEmpty, reader.where(), join_pointer(reader.pointer(), key)};
}

std::string read_name(JsonReader& reader) {
  std::string fallback = std::filesystem::path(reader.where()).stem().string();
  if (!is_plain_text(fallback) || fallback.empty() || fallback.size() > kMaxNameBytes) fallback = "scenario";
  std::string name = reader.string_or("name", fallback);
  if (name.empty() || name.size() > kMaxNameBytes) {
    reader.fail("name", shorten_json(name), fmt::format("1 to {} printable bytes", kMaxNameBytes));
  }
  return name;
}

// A key that would change nothing is a misunderstanding: tell, rather than ignore it.
void refuse_unused(const JsonReader& reader, std::string_view kind, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (reader.has(key)) {
      reader.fail(key, fmt::format("a key that the workload {} has no use for", kind), "a scenario without it");
    }
  }
}

// `experts` is 0 where nothing has to be spread evenly.
int read_ep(JsonReader& reader, int world_size, int experts) {
  JsonReader parallelism = object_or_empty(reader, "parallelism");
  const std::int64_t fallback = experts == 0 ? world_size : largest_divisor(experts, world_size);
  const auto ep = parallelism.integer_or("ep", 1, world_size, fallback);
  parallelism.finish();
  if (experts % ep != 0) {
    parallelism.fail("ep", std::to_string(ep),
                     fmt::format("a divisor of the model's {} routed experts, at most the cluster's {} ranks ({})",
                                 experts, world_size, near_divisors(experts, ep, world_size)));
  }
  return static_cast<int>(ep);
}

NetworkSpec read_network(JsonReader reader) {
  NetworkSpec network;
  network.tolerance = reader.number_or("tolerance", 0, kMaxTolerance, 0);
  reader.finish();
  return network;
}

void read_model(JsonReader& reader, Scenario& scenario) {
  auto [model, source] =
      read_model_source(reader.raw("model"), reader.where(), join_pointer(reader.pointer(), "model"));
  if (!model.moe) reader.fail("model", shorten_json(reader.raw("model")), "a model with routed experts; this is dense");
  scenario.model = std::move(model);
  scenario.model_source = std::move(source);
}

// What a layer and its exchange alone have in common.
void read_exchange_of_layer(JsonReader& reader, std::int64_t tokens_per_rank, Scenario& scenario) {
  const int ep = scenario.parallelism.ep;
  const RankLayout layout{ep, std::min(ep, scenario.cluster.ranks_per_node)};
  const RoutingChoice routing =
      read_routing(object_or_empty(reader, "routing"), scenario.model->moe->routing, layout, tokens_per_rank * ep);
  scenario.placement = read_placement(reader, "placement", routing.router, layout);
  scenario.routing = routing.router;
  scenario.routing_path = routing.path;
  scenario.dispatch = read_dispatch(object_or_empty(reader, "dispatch"), routing.router, scenario.gpu);
  const bool ragged = routing.router.skew.kind == SkewKind::w4_ragged_sources;
  if (ragged && scenario.dispatch.padding == Padding::capacity) {
    reader.object("dispatch")
        .fail("padding", "\"capacity\" with the skew w4_ragged_sources",
              "\"none\": static shapes need the same number of tokens on every rank");
  }
}

// Replicas have weights of their own, and a buffer of a size that is known before the routing has one expert.
void check_replicas(const JsonReader& reader, const Scenario& scenario, const PlacementChoice& placement,
                    Direction direction) {
  if (placement.spec.redundant_experts == 0) return;
  const std::string found = fmt::format("{} redundant experts", placement.spec.redundant_experts);
  if (direction != Direction::forward) {
    reader.fail("placement", found + " with a backward pass",
                "none: what replicas would have to tell one another of their gradients is not modelled");
  }
  if (scenario.dispatch.padding != Padding::none) reader.fail("placement", found + " with padding", "one or the other");
}

void read_layer(JsonReader& reader, Scenario& scenario) {
  const auto& layer = std::get<MoeLayerWorkload>(scenario.workload);
  read_exchange_of_layer(reader, layer.tokens_per_rank, scenario);
  scenario.compute = read_compute(object_or_empty(reader, "compute"), layer.direction, scenario.gpu);
  check_replicas(reader, scenario, scenario.placement, layer.direction);
}

void read_rebalance(JsonReader& reader, Scenario& scenario) {
  auto& rebalance = std::get<RebalanceWorkload>(scenario.workload);
  read_exchange_of_layer(reader, rebalance.tokens_per_rank, scenario);
  const RankLayout layout{scenario.parallelism.ep, std::min(scenario.parallelism.ep, scenario.cluster.ranks_per_node)};
  read_rebalance_from(reader.object("workload"), *scenario.routing, layout, rebalance);
  scenario.compute = read_compute(object_or_empty(reader, "compute"), Direction::forward, scenario.gpu);
  check_replicas(reader, scenario, scenario.placement, Direction::forward);
  check_replicas(reader, scenario, rebalance.from, Direction::forward);
}

// A layer's kernels, memory and groups of ranks are those of equal nodes.
void refuse_mixed_nodes(const ClusterCard& cluster, std::string_view kind, const std::string& where) {
  if (cluster.more_nodes.empty()) return;
  throw InputError(where, "/cluster/more_nodes", fmt::format("nodes of several sorts under the workload {}", kind),
                   "equal nodes; the workloads flows and all_to_all take any");
}

// The files that a scenario names: a CSV and cards.
std::vector<std::string> named_files(const json& scenario, const std::string& where) {
  std::vector<std::string> files;
  const auto add = [&](std::string_view key, std::string_view below) {
    const auto found = scenario.find(std::string(key));
    if (found == scenario.end()) return;
    const json* value = &*found;
    if (value->is_object() && value->contains(std::string(below))) value = &value->at(std::string(below));
    if (!value->is_string()) return;
    const auto name = value->get<std::string>();
    if (key == "workload" || is_card_path(name)) files.push_back(beside(where, name));
  };
  add("workload", "file");
  add("model", "card");
  add("cluster", "card");
  add("compute", "profile");
  add("dispatch", "library");
  return files;
}

}  // namespace

Scenario parse_scenario(const json& value, const std::string& where) {
  JsonReader reader(value, where);
  Scenario scenario;
  reader.integer("schema", 1, 1);
  reader.string_or("$schema", "");
  scenario.name = read_name(reader);
  scenario.seed = static_cast<std::uint64_t>(reader.integer_or("seed", 0, INT64_MAX, 1));

  ClusterSource cluster = read_cluster_source(reader.raw("cluster"), where, "/cluster");
  scenario.cluster = std::move(cluster.card);
  scenario.gpu = std::move(cluster.gpu);
  scenario.cluster_source = std::move(cluster.source);
  scenario.world_size = static_cast<int>(num_ranks(scenario.cluster, scenario.cluster.nodes));

  const std::string_view kind = workload_kinds()[reader.object("workload").choice("kind", workload_kinds())];
  static constexpr std::array<std::string_view, 6> kOthers{"model",   "routing",  "placement",
                                                           "compute", "dispatch", "parallelism"};
  static constexpr std::array<std::string_view, 1> kCompute{"compute"};
  static constexpr std::array<std::string_view, 1> kParallelism{"parallelism"};
  if (kind == "flows") refuse_unused(reader, kind, kOthers);
  if (kind == "all_to_all" || kind == "collective") refuse_unused(reader, kind, std::span(kOthers).first(4));
  if (kind == "exchange") refuse_unused(reader, kind, kCompute);
  if (kind == "collective") refuse_unused(reader, kind, kParallelism);

  if (kind != "flows" && kind != "all_to_all") refuse_mixed_nodes(scenario.cluster, kind, where);
  if (kind == "moe_layer" || kind == "exchange" || kind == "rebalance") read_model(reader, scenario);
  const int experts = scenario.model ? scenario.model->moe->routing.num_experts : 0;
  const bool no_group = kind == "flows" || kind == "collective";
  scenario.parallelism.ep = no_group ? scenario.world_size : read_ep(reader, scenario.world_size, experts);
  scenario.workload = read_workload(reader.object("workload"), {scenario.world_size, scenario.cluster.ranks_per_node},
                                    scenario.parallelism.ep);
  JsonReader dispatch = object_or_empty(reader, "dispatch");
  if (kind == "moe_layer") read_layer(reader, scenario);
  if (const auto* exchange = std::get_if<ExchangeWorkload>(&scenario.workload)) {
    read_exchange_of_layer(reader, exchange->tokens_per_rank, scenario);
    check_replicas(reader, scenario, scenario.placement, Direction::forward);
  }
  if (kind == "rebalance") read_rebalance(reader, scenario);
  if (kind == "all_to_all") scenario.dispatch = read_all_to_all_dispatch(dispatch, scenario.gpu);
  if (kind == "collective") scenario.dispatch = read_collective_dispatch(dispatch, scenario.gpu);
  scenario.network = read_network(object_or_empty(reader, "network"));
  reader.finish();
  check_size(scenario, reader);
  check_topology(scenario, reader);
  scenario.input_files = named_files(value, where);
  return scenario;
}

Scenario load_scenario(const std::string& path, const LoadOptions& options) {
  const std::string where = place_name(path);
  json value = parse_json(read_text_file(path), where);
  for (const std::string& set : options.sets) apply_set(value, set);
  Scenario scenario = parse_scenario(value, where);
  if (options.seed) scenario.seed = *options.seed;
  if (path != "-") scenario.input_files.push_back(path);
  return scenario;
}

ordered_json resolved_json(const Scenario& scenario) {
  const auto* layer = std::get_if<MoeLayerWorkload>(&scenario.workload);
  const bool tokens = scenario.model.has_value();
  const bool flows = std::holds_alternative<FlowsWorkload>(scenario.workload);
  const bool collective = std::holds_alternative<CollectiveWorkload>(scenario.workload);
  ordered_json document = {{"schema", 1}, {"name", scenario.name}};
  if (tokens) document["model"] = ordered_json::parse(scenario.model_source);
  document["cluster"] = ordered_json::parse(scenario.cluster_source);
  document["workload"] = workload_json(scenario.workload, scenario.parallelism.ep);
  if (!flows && !collective) document["parallelism"] = {{"ep", scenario.parallelism.ep}};
  if (tokens) {
    document["routing"] = routing_json(*scenario.routing, scenario.routing_path);
    document["placement"] = placement_json(scenario.placement);
    document["dispatch"] = dispatch_json(scenario.dispatch);
    const bool rebalance = std::holds_alternative<RebalanceWorkload>(scenario.workload);
    if (layer != nullptr || rebalance) {
      document["compute"] = compute_json(scenario.compute, rebalance ? Direction::forward : layer->direction);
    }
  } else if (!flows) {
    if (!collective) document["dispatch"]["algorithm"] = name(scenario.dispatch.algorithm);
    document["dispatch"]["library"] = ordered_json::parse(scenario.dispatch.library_source);
  }
  document["network"] = {{"tolerance", scenario.network.tolerance}};
  document["seed"] = scenario.seed;
  return document;
}

std::string resolved_text(const Scenario& scenario) { return pretty_json(resolved_json(scenario)); }

}  // namespace moesim
