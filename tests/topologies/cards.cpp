// The catalog: every card can be read, says where its figures come from, and agrees with data sheets.
#include <set>

#include <nlohmann/json.hpp>

#include "scenarios/cluster_card_json.hpp"
#include "scenarios/error.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "tests/catch.hpp"
#include "topologies/catalog.hpp"
#include "topologies/topology_kind.hpp"

using namespace moesim;

namespace {

double peak(const GpuCard& card, std::string_view type) {
  for (const auto& [name, rate] : card.peak) {
    if (name == type) return rate.tflop_per_s();
  }
  return 0;
}

// Keys of the card with a figure in them that no source speaks of.
std::vector<std::string> without_source(const nlohmann::json& card) {
  std::set<std::string> sourced;
  for (const auto& note : card.at("sources")) {
    for (const auto& field : note.at("fields")) sourced.insert(field.get<std::string>());
  }
  std::vector<std::string> missing;
  for (const auto& [key, value] : card.items()) {
    const bool figure = value.is_number() || key == "peak_tflop_per_s" || key == "torus_dims";
    // One rank a chip is what everybody expects; "nodes" is only a default.
    if (!figure || key == "schema" || key == "nodes" || (key == "ranks_per_chip" && value == 1)) continue;
    if (sourced.count(key) == 0) missing.push_back(key);
  }
  return missing;
}

// What was read is what is written: every key of the file, with its value.
void check_round_trip(const nlohmann::json& file, const nlohmann::json& written) {
  for (const auto& [key, value] : file.items()) {
    INFO(key);
    REQUIRE(written.contains(key));
    CHECK(written.at(key) == value);
  }
}

std::string gpu_error(const std::string& base, const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json json = gpu_card_json(catalog_gpu_card(base));
  json[nlohmann::json::json_pointer(pointer)] = value;
  try {
    read_gpu_card(JsonReader(json, "card.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string cluster_error(const std::string& base, const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json json = cluster_card_json(catalog_cluster_card(base));
  json[nlohmann::json::json_pointer(pointer)] = value;
  try {
    read_cluster_card(JsonReader(json, "card.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string override_error(const std::string& base, const nlohmann::json& keys) {
  ClusterCard card = catalog_cluster_card(base);
  JsonReader reader(keys, "scenario.json", "/cluster");
  try {
    override_cluster_card(reader, card);
    reader.finish();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every GPU card is named as its file, sourced, and written as it was read", "[property]") {
  REQUIRE(gpu_cards().size() >= 12);
  for (const Card& file : gpu_cards()) {
    INFO(file.name);
    const auto json = nlohmann::json::parse(file.text);
    const GpuCard card = catalog_gpu_card(file.name);
    CHECK(card.name == file.name);
    CHECK(without_source(json).empty());
    check_round_trip(json, gpu_card_json(card));
  }
}

TEST_CASE("every cluster card is named as its file, sourced, and written as it was read", "[property]") {
  REQUIRE(cluster_cards().size() >= 12);
  for (const Card& file : cluster_cards()) {
    INFO(file.name);
    const auto json = nlohmann::json::parse(file.text);
    const ClusterCard card = catalog_cluster_card(file.name);
    CHECK(card.name == file.name);
    CHECK(without_source(json).empty());
    check_round_trip(json, cluster_card_json(card));
    CHECK_FALSE(size_problem(card, card.nodes).has_value());
  }
}

TEST_CASE("GPU cards agree with data sheets", "[oracle]") {
  struct Row {
    const char* name;
    double bf16, fp8, hbm_gb, hbm_gb_per_s, scale_up_gb_per_s, tdp_w;
    int multiprocessors;
  };
  // Dense TFLOP/s; one direction. The sources stand in the cards.
  const Row rows[] = {
      {"v100", 0, 0, 32, 900, 150, 300, 80},
      {"a100-40gb", 312, 0, 40, 1555, 300, 400, 108},
      {"a100-80gb", 312, 0, 80, 2039, 300, 400, 108},
      {"h100", 989.4, 1978.9, 80, 3350, 450, 700, 132},
      {"h200", 989.4, 1978.9, 141, 4800, 450, 700, 132},
      {"h800", 989.4, 1978.9, 80, 3350, 200, 700, 132},
      {"h20", 148, 296, 96, 4000, 450, 400, 78},
      {"b200", 2250, 4500, 180, 7700, 900, 1000, 148},
      {"gb200", 2500, 5000, 186, 8000, 900, 1200, 152},
      {"mi300x", 1307.4, 2614.9, 192, 5300, 448, 750, 304},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const GpuCard card = catalog_gpu_card(row.name);
    CHECK(peak(card, "bf16") == Approx(row.bf16));
    CHECK(peak(card, "fp8") == Approx(row.fp8));
    CHECK(static_cast<double>(card.hbm_capacity.count) == Approx(row.hbm_gb * 1e9));
    CHECK(card.hbm_bandwidth.gbyte_per_s() == Approx(row.hbm_gb_per_s));
    CHECK(card.scale_up_bandwidth.gbyte_per_s() == Approx(row.scale_up_gb_per_s));
    CHECK(card.tdp_w == Approx(row.tdp_w));
    CHECK(card.multiprocessors == row.multiprocessors);
  }
  // A TPU v3 rank is one of a chip's two cores (cloud.google.com/tpu/docs/v3: 123 TFLOP/s, 32 GiB, 900 GB/s a chip).
  const GpuCard core = catalog_gpu_card("tpu-v3");
  CHECK(core.ranks_per_chip * peak(core, "bf16") == Approx(123));
  CHECK(core.ranks_per_chip * core.hbm_capacity.count == std::int64_t{32} << 30);
  CHECK(core.ranks_per_chip * core.hbm_bandwidth.gbyte_per_s() == Approx(900));
}

TEST_CASE("a data type appears with the generation that brought it, and narrower is never slower", "[oracle]") {
  for (const std::string_view name : gpu_card_names()) {
    INFO(name);
    const GpuCard card = catalog_gpu_card(name);
    const bool blackwell = name == "b200" || name == "gb200";
    const bool fp8 = blackwell || name == "mi300x" || (name[0] == 'h');
    CHECK((peak(card, "fp4") > 0) == blackwell);
    CHECK((peak(card, "fp8") > 0) == fp8);
    CHECK((peak(card, "bf16") > 0) == (name != "v100"));
    double before = 0;
    for (const char* type : {"fp32", "tf32", "bf16", "fp8", "fp4"}) {
      const double now = peak(card, type);
      if (now == 0) continue;
      CHECK(now > before);
      before = now;
    }
    // Dense FP8 is twice dense BF16; a sparse figure among them would break this.
    if (fp8) CHECK(peak(card, "fp8") == Approx(2 * peak(card, "bf16")).epsilon(1e-3));
  }
}

TEST_CASE("the H800 keeps its nominal NVLink; what programs reach is the cluster's efficiency", "[oracle]") {
  // arXiv:2412.19437, section 3.2.2: 160 GB/s.
  const ClusterCard card = catalog_cluster_card("h800-ib");
  const GpuCard gpu = catalog_gpu_card(card.gpu);
  CHECK(card.scale_up_efficiency * gpu.scale_up_bandwidth.gbyte_per_s() == Approx(160));
}

TEST_CASE("bad GPU cards are refused with the pointer, what was found and what was expected", "[oracle]") {
  CHECK_THAT(gpu_error("h100", "/hbm_bandwith_gb_per_s", 1), ContainsSubstring("hbm_bandwidth_gb_per_s"));
  CHECK_THAT(gpu_error("h100", "/peak_tflop_per_s/bf61", 1), ContainsSubstring("/peak_tflop_per_s/bf61"));
  CHECK_THAT(gpu_error("h100", "/peak_tflop_per_s", nlohmann::json::object()), ContainsSubstring("no data type"));
  CHECK_THAT(gpu_error("h100", "/tdp_w", 0), ContainsSubstring("/tdp_w"));
  CHECK_THAT(gpu_error("h100", "/tdp_w", "700"), ContainsSubstring("/tdp_w"));
  CHECK_THAT(gpu_error("h100", "/multiprocessors", -1), ContainsSubstring("/multiprocessors"));
  CHECK_THAT(gpu_error("h100", "/hbm_capacity_gib", 80), ContainsSubstring("one of them"));
  CHECK_THAT(gpu_error("h100", "/schema", 2), ContainsSubstring("/schema"));
}

TEST_CASE("bad cluster cards are refused with the pointer, what was found and what was expected", "[oracle]") {
  CHECK_THAT(cluster_error("h100-ib", "/kind", "rail_optimised"), ContainsSubstring("\"rail_optimized\""));
  CHECK_THAT(cluster_error("h100-ib", "/gpu", "h10"), ContainsSubstring("\"h100\""));
  CHECK_THAT(cluster_error("h100-ib", "/nics_per_node", 3), ContainsSubstring("a divisor of the 8 ranks"));
  CHECK_THAT(cluster_error("h100-ib", "/rails", 3), ContainsSubstring("a divisor of the 8 NICs"));
  CHECK_THAT(cluster_error("h100-ib", "/nodes", 257), ContainsSubstring("at most 256"));
  CHECK_THAT(cluster_error("h100-ib", "/scale_up_efficiency", 1.1), ContainsSubstring("/scale_up_efficiency"));
  CHECK_THAT(cluster_error("h100-ib", "/nic_gbit_per_s", 0), ContainsSubstring("/nic_gbit_per_s"));
  // A key that the kind does not use is not read and ignored.
  CHECK_THAT(cluster_error("h100-node", "/rails", 8), ContainsSubstring("/rails: "));
  CHECK_THAT(cluster_error("tpu-v4-torus", "/routing", "ecmp"), ContainsSubstring("/routing: "));
  CHECK_THAT(cluster_error("tpu-v4-torus", "/torus_dims", {16}), ContainsSubstring("2 or 3 integers"));
  CHECK_THAT(cluster_error("tpu-v4-torus", "/torus_dims", {16, 1.5}), ContainsSubstring("2 or 3 integers"));
  CHECK_THAT(cluster_error("tpu-v3-torus", "/ranks_per_node", 1), ContainsSubstring("the ranks of one chip"));
  CHECK_THAT(cluster_error("tpu-v4-torus", "/on_chip_gb_per_s", 1), ContainsSubstring("/on_chip_gb_per_s"));
}

TEST_CASE("a cluster of 10^12 GPUs is refused with the memory that it would take", "[oracle]") {
  for (const char* name : {"h800-ib", "fat-tree-3", "gb200-nvl72", "tpu-v3-torus", "h100-node"}) {
    INFO(name);
    const ClusterCard card = catalog_cluster_card(name);
    const auto problem = size_problem(card, 1'000'000'000'000 / card.ranks_per_node);
    REQUIRE(problem.has_value());
    CHECK_THAT(problem->found, ContainsSubstring("GiB"));
    CHECK_THAT(problem->expected, ContainsSubstring("at most 8 GiB"));
  }
  // 1.25e11 nodes x 8 ranks x 4 links (NVLink and NIC, both ways) and as many again between leaves and spines; the
  // message has the memory, the pointer and the limit.
  const std::string message = override_error("h800-ib", {{"nodes", 125'000'000'000}});
  CHECK_THAT(message, ContainsSubstring("/cluster/nodes"));
  CHECK_THAT(message, ContainsSubstring("1000000000000 ranks"));
  CHECK(topology_size(catalog_cluster_card("h800-node"), 1).links == 16);
}

TEST_CASE("a scenario's keys stand over the card's, and are checked together", "[oracle]") {
  ClusterCard card = catalog_cluster_card("h800-ib");
  const nlohmann::json keys = {{"nodes", 16}, {"oversubscription", 2}, {"scale_up_efficiency", 1}};
  JsonReader reader(keys, "scenario.json", "/cluster");
  override_cluster_card(reader, card);
  reader.finish();
  CHECK(card.nodes == 16);
  CHECK(card.oversubscription == 2);
  CHECK(card.scale_up_efficiency == 1);
  CHECK(card.nics_per_node == 8);

  ClusterCard torus = catalog_cluster_card("tpu-v4-torus");
  const nlohmann::json sides = {{"torus_dims", {4, 4, 8}}};
  JsonReader torus_reader(sides, "scenario.json", "/cluster");
  override_cluster_card(torus_reader, torus);
  torus_reader.finish();
  CHECK(torus.nodes == 128);

  CHECK_THAT(override_error("h800-ib", {{"node", 16}}), ContainsSubstring("did you mean \"nodes\""));
  CHECK_THAT(override_error("h800-ib", {{"nodes", 0}}), ContainsSubstring("/cluster/nodes"));
  CHECK_THAT(override_error("h800-ib", {{"nodes", 1e300}}), ContainsSubstring("/cluster/nodes"));
  CHECK_THAT(override_error("h800-ib", {{"ranks_per_node", 12}}), ContainsSubstring("a divisor of the 12 ranks"));
  CHECK_THAT(override_error("h800-node", {{"nodes", 2}}), ContainsSubstring("at most 1"));
}
