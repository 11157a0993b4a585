#include "scenarios/workload_json.hpp"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "scenarios/csv.hpp"
#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/placement_json.hpp"
#include "scenarios/text_file.hpp"

namespace moesim {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 6> kKinds{"flows",    "all_to_all", "moe_layer",
                                                 "exchange", "collective", "rebalance"};
constexpr std::array<std::string_view, 2> kExchangeOps{"dispatch", "combine"};
constexpr std::size_t kMaxCsvBytes = std::size_t{1} << 30;
constexpr std::int64_t kMaxTokensPerRank = std::int64_t{1} << 31;
constexpr std::int64_t kMaxSteps = 1'000'000;
constexpr std::int64_t kMaxLayers = 10'000;

// Exactly one of the keys has to be there.
std::string_view only_one(const JsonReader& reader, std::span<const std::string_view> keys) {
  std::string_view found;
  for (const std::string_view key : keys) {
    if (!reader.has(key)) continue;
    if (!found.empty()) reader.fail(key, fmt::format("both \"{}\" and \"{}\"", found, key), "one of them");
    found = key;
  }
  if (found.empty()) reader.fail("", "none of them", fmt::format("one of the keys {}", fmt::join(keys, ", ")));
  return found;
}

std::string read_csv(JsonReader& reader, std::string& path) {
  path = beside(reader.where(), reader.string("file"));
  return read_text_file(path, kMaxCsvBytes);
}

// Inline rows take the way of the CSV's, so that both are held to the same conditions.
std::string rows_as_csv(JsonReader& reader, std::string_view key, std::string text) {
  const json& rows = reader.raw(key);
  if (!rows.is_array()) reader.fail(key, shorten_json(rows), "an array of rows");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const json& row = rows[i];
    const std::string pointer = fmt::format("{}/{}/{}", reader.pointer(), key, i);
    if (!row.is_array() || row.empty())
      throw InputError(reader.where(), pointer, shorten_json(row), "an array of numbers");
    std::string line;
    for (const json& field : row) {
      if (!field.is_number()) throw InputError(reader.where(), pointer, shorten_json(field), "an array of numbers");
      line += (line.empty() ? "" : ",") + field.dump();
    }
    text += line + "\n";
  }
  return text;
}

FlowsWorkload read_flows(JsonReader& reader, int world_size) {
  static constexpr std::array<std::string_view, 2> kSources{"file", "rows"};
  if (only_one(reader, kSources) == "file") {
    std::string path;
    const std::string text = read_csv(reader, path);
    return {parse_flows_csv(text, path, world_size)};
  }
  const std::string text = rows_as_csv(reader, "rows", "src,dst,bytes,start_us\n");
  return {parse_flows_csv(text, reader.where(), world_size, reader.pointer() + "/rows")};
}

AllToAllWorkload read_all_to_all(JsonReader& reader, int ranks) {
  static constexpr std::array<std::string_view, 3> kSources{"bytes_per_pair", "file", "matrix"};
  AllToAllWorkload workload;
  const std::string_view source = only_one(reader, kSources);
  if (source == "bytes_per_pair") {
    workload.bytes_per_pair = {reader.integer("bytes_per_pair", 0, kMaxFlowBytes)};
    if (reader.has("sigma")) workload.sigma = reader.number("sigma", 0, 5);
  } else if (source == "file") {
    std::string path;
    const std::string text = read_csv(reader, path);
    workload.matrix = parse_matrix_csv(text, path, ranks);
  } else {
    const std::string text = rows_as_csv(reader, "matrix", "");
    workload.matrix = parse_matrix_csv(text, reader.where(), ranks, reader.pointer() + "/matrix");
  }
  return workload;
}

MoeLayerWorkload read_moe_layer(JsonReader& reader) {
  static constexpr std::array<std::string_view, 3> kDirections{"forward", "backward", "forward_backward"};
  MoeLayerWorkload workload;
  workload.tokens_per_rank = reader.integer("tokens_per_rank", 1, kMaxTokensPerRank);
  if (reader.has("direction")) workload.direction = *direction(kDirections[reader.choice("direction", kDirections)]);
  workload.steps = static_cast<int>(reader.integer_or("steps", 1, kMaxSteps, 1));
  workload.layers = static_cast<int>(reader.integer_or("layers", 1, kMaxLayers, 1));
  return workload;
}

ExchangeWorkload read_exchange(JsonReader& reader) {
  ExchangeWorkload workload;
  workload.tokens_per_rank = reader.integer("tokens_per_rank", 1, kMaxTokensPerRank);
  if (reader.has("op")) workload.op = static_cast<ExchangeDirection>(reader.choice("op", kExchangeOps));
  return workload;
}

RebalanceWorkload read_rebalance(JsonReader& reader) {
  if (reader.has("from")) reader.raw("from");  // It depends on the router: read_rebalance_from().
  return {.tokens_per_rank = reader.integer("tokens_per_rank", 1, kMaxTokensPerRank), .from = {}};
}

CollectiveWorkload read_collective(JsonReader& reader, const RankLayout& cluster) {
  CollectiveWorkload workload;
  workload.op = static_cast<CollectiveOp>(reader.choice("op", collective_op_names()));
  const bool pair = workload.op == CollectiveOp::send_recv;
  workload.algorithm = pair ? CollectiveAlgorithm::direct : CollectiveAlgorithm::ring;
  if (reader.has("algorithm")) {
    workload.algorithm = static_cast<CollectiveAlgorithm>(reader.choice("algorithm", collective_algorithm_names()));
  }
  if (!supports(workload.algorithm, workload.op)) {
    std::vector<std::string_view> names;
    for (const std::string_view name : collective_algorithm_names()) {
      if (supports(*collective_algorithm(name), workload.op)) names.push_back(name);
    }
    reader.fail("algorithm", fmt::format("\"{}\" for {}", name(workload.algorithm), name(workload.op)),
                fmt::format("one of {}", fmt::join(names, ", ")));
  }
  workload.bytes = {reader.integer("bytes", 0, kMaxFlowBytes)};
  if (pair && cluster.ranks < 2) reader.fail("op", "\"send_recv\" on one rank", "a cluster of two or more");
  workload.ranks =
      static_cast<int>(reader.integer_or("ranks", pair ? 2 : 1, pair ? 2 : cluster.ranks, pair ? 2 : cluster.ranks));
  if (workload.algorithm == CollectiveAlgorithm::hierarchical && workload.ranks % cluster.ranks_per_node != 0) {
    reader.fail("ranks", std::to_string(workload.ranks),
                fmt::format("whole nodes of {} for hierarchical", cluster.ranks_per_node));
  }
  if (workload.algorithm == CollectiveAlgorithm::in_network && workload.ranks > cluster.ranks_per_node) {
    reader.fail("algorithm", fmt::format("\"in_network\" for {} ranks", workload.ranks),
                fmt::format("it only for the ranks of one node, at most {}", cluster.ranks_per_node));
  }
  for (const auto& [key, rank] : {std::pair{"source", &workload.source}, {"destination", &workload.destination}}) {
    if (pair) {
      rank->value = static_cast<int>(reader.integer_or(key, 0, cluster.ranks - 1, rank->value));
    } else if (reader.has(key)) {
      reader.fail(key, "a key that it has no use for", "it only with send_recv");
    }
  }
  if (workload.source == workload.destination) {
    reader.fail("destination", fmt::format("{}, the source", workload.destination.value), "another rank");
  }
  const bool in_chunks =
      workload.algorithm == CollectiveAlgorithm::tree
          ? workload.op == CollectiveOp::all_reduce
          : workload.algorithm == CollectiveAlgorithm::ring && workload.op == CollectiveOp::broadcast;
  if (in_chunks) {
    workload.chunks = static_cast<int>(reader.integer_or("chunks", 1, 1024, workload.chunks));
  } else if (reader.has("chunks")) {
    reader.fail("chunks", "a key that it has no use for", "it only with all_reduce by tree or broadcast by ring");
  }
  return workload;
}

struct ToJson {
  int ranks;

  ordered_json operator()(const FlowsWorkload& flows) const {
    ordered_json rows = ordered_json::array();
    for (const FlowRequest& flow : flows.flows) {
      const double start_us = static_cast<double>(flow.start.count) / 1e6;
      rows.push_back({flow.source.value, flow.destination.value, flow.bytes.count, start_us});
    }
    return {{"kind", "flows"}, {"rows", std::move(rows)}};
  }

  ordered_json operator()(const AllToAllWorkload& all) const {
    ordered_json value = {{"kind", "all_to_all"}};
    if (all.matrix.empty()) {
      value["bytes_per_pair"] = all.bytes_per_pair.count;
      if (all.sigma) value["sigma"] = *all.sigma;
      return value;
    }
    ordered_json& rows = value["matrix"] = ordered_json::array();
    for (auto row = all.matrix.begin(); row != all.matrix.end(); row += ranks) {
      rows.push_back(std::vector<std::int64_t>(row, row + ranks));
    }
    return value;
  }

  ordered_json operator()(const MoeLayerWorkload& layer) const {
    return {{"kind", "moe_layer"},
            {"tokens_per_rank", layer.tokens_per_rank},
            {"direction", name(layer.direction)},
            {"steps", layer.steps},
            {"layers", layer.layers}};
  }

  ordered_json operator()(const ExchangeWorkload& exchange) const {
    return {{"kind", "exchange"},
            {"tokens_per_rank", exchange.tokens_per_rank},
            {"op", kExchangeOps[static_cast<std::size_t>(exchange.op)]}};
  }

  ordered_json operator()(const RebalanceWorkload& rebalance) const {
    return {{"kind", "rebalance"},
            {"tokens_per_rank", rebalance.tokens_per_rank},
            {"from", placement_json(rebalance.from)}};
  }

  ordered_json operator()(const CollectiveWorkload& collective) const {
    ordered_json value = {{"kind", "collective"},
                          {"op", name(collective.op)},
                          {"algorithm", name(collective.algorithm)},
                          {"bytes", collective.bytes.count},
                          {"ranks", collective.ranks}};
    if (collective.op == CollectiveOp::send_recv) {
      value["source"] = collective.source.value;
      value["destination"] = collective.destination.value;
    }
    const bool tree = collective.algorithm == CollectiveAlgorithm::tree && collective.op == CollectiveOp::all_reduce;
    const bool ring = collective.algorithm == CollectiveAlgorithm::ring && collective.op == CollectiveOp::broadcast;
    if (tree || ring) value["chunks"] = collective.chunks;
    return value;
  }
};

}  // namespace

void read_rebalance_from(JsonReader workload, const RouterSpec& router, const RankLayout& layout,
                         RebalanceWorkload& rebalance) {
  rebalance.from = read_placement(workload, "from", router, layout);
}

std::span<const std::string_view> workload_kinds() { return kKinds; }

Workload read_workload(JsonReader reader, const RankLayout& cluster, int ranks) {
  const int world_size = cluster.ranks;
  Workload workload;
  switch (reader.choice("kind", kKinds)) {
    case 0:
      workload = read_flows(reader, world_size);
      break;
    case 1:
      workload = read_all_to_all(reader, ranks);
      break;
    case 2:
      workload = read_moe_layer(reader);
      break;
    case 3:
      workload = read_exchange(reader);
      break;
    case 4:
      workload = read_collective(reader, cluster);
      break;
    default:
      workload = read_rebalance(reader);
      break;
  }
  reader.finish();
  return workload;
}

ordered_json workload_json(const Workload& workload, int ranks) { return std::visit(ToJson{ranks}, workload); }

}  // namespace moesim
