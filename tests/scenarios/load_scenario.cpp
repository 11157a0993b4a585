#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/scenario_json.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/temporary_folder.hpp"

namespace moesim {
namespace {

Scenario parse(const std::string& text) { return parse_scenario(parse_json(text, "test"), "test"); }

// A scenario that says everything must say the same again.
void check_fixed_point(const Scenario& scenario) {
  const std::string resolved = resolved_text(scenario);
  CAPTURE(resolved);
  CHECK(resolved_text(parse_scenario(parse_json(resolved, "resolved"), "resolved")) == resolved);
}

TEST_CASE("what a layer leaves out comes from its cards", "[scenario]") {
  const Scenario scenario = parse(R"({"schema": 1, "model": "deepseek-v3", "cluster": {"card": "h800-ib", "nodes": 4},
      "workload": {"kind": "moe_layer", "tokens_per_rank": 128}})");
  CHECK(scenario.name == "test");
  CHECK(scenario.world_size == 32);
  CHECK(scenario.parallelism.ep == 32);  // The whole cluster.
  CHECK(scenario.seed == 1);
  CHECK(scenario.gpu.name == "h800");
  REQUIRE(scenario.routing.has_value());
  CHECK(scenario.routing->kind == RoutingKind::group_limited);
  CHECK(scenario.routing->num_experts == 256);
  CHECK(scenario.routing->top_k == 8);
  CHECK(scenario.routing->groups == 8);
  CHECK(scenario.routing->groups_kept == 4);
  CHECK(scenario.routing->scoring == Scoring::sigmoid);
  CHECK(std::get<MoeLayerWorkload>(scenario.workload).direction == Direction::forward);
  check_fixed_point(scenario);
}

TEST_CASE("node_limited takes its limit from a group-limited card and its groups from the cluster", "[scenario]") {
  // 4 nodes; the card keeps 4 groups of 8. On 2 nodes no more than 2 can be kept.
  const auto routing = [](int nodes) {
    return *parse(R"({"schema": 1, "model": "deepseek-v3", "cluster": {"card": "h800-ib", "nodes": )" +
                  std::to_string(nodes) + R"(}, "routing": {"kind": "node_limited"},
                     "workload": {"kind": "moe_layer", "tokens_per_rank": 1}})")
                .routing;
  };
  CHECK(routing(8).groups == 8);
  CHECK(routing(8).groups_kept == 4);
  CHECK(routing(2).groups == 2);
  CHECK(routing(2).groups_kept == 2);
}

TEST_CASE("a name, a path, a card with keys replaced and a whole card mean the same", "[scenario]") {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& model) {
    return load_scenario(folder.write("s.json", R"({"schema": 1, "name": "s", "cluster": "h100-node",
        "workload": {"kind": "moe_layer", "tokens_per_rank": 8}, "model": )" +
                                                    model + "}"));
  };
  const Scenario named = with(R"("mixtral-8x7b")");
  const Scenario replaced = with(R"({"card": "mixtral-8x7b", "moe": {"top_k": 1}})");
  CHECK(named.routing->top_k == 2);
  CHECK(replaced.routing->top_k == 1);
  CHECK(replaced.model->hidden_size == named.model->hidden_size);
  check_fixed_point(named);
  check_fixed_point(replaced);

  // The card of `replaced`, whole, in place and from a file; neither result depends on that file.
  nlohmann::json card = {{"card", "mixtral-8x7b"}};
  folder.write("half.json", card.dump());
  CHECK_THROWS_AS(with(R"("half.json")"), InputError);
  const Scenario in_place = with(R"({"schema": 1, "name": "tiny", "hidden_size": 64, "vocab_size": 0,
      "mixers": {"a": {"kind": "gqa", "heads": 1, "kv_heads": 1, "head_dim": 64}},
      "moe": {"experts": 8, "top_k": 2, "width": 32, "matrices": 3,
              "routing": {"kind": "top_k", "scoring": "softmax_topk"}},
      "layers": [{"modules": ["a", "moe"]}]})");
  folder.write("tiny.json", in_place.model_source);
  const Scenario from_file = with(R"("tiny.json")");
  CHECK(from_file.model_source == in_place.model_source);
  CHECK(resolved_text(from_file) == resolved_text(in_place));
  check_fixed_point(from_file);
}

TEST_CASE("a cluster's nodes, links and GPU can be replaced", "[scenario]") {
  const auto with = [](const std::string& cluster) {
    return parse(R"({"schema": 1, "workload": {"kind": "all_to_all", "bytes_per_pair": 1}, "cluster": )" + cluster +
                 "}");
  };
  const Scenario plain = with(R"("h800-ib")");
  CHECK(plain.world_size == plain.cluster.nodes * 8);
  const Scenario changed = with(R"({"card": "h800-ib", "nodes": 2, "nic_gbit_per_s": 200,
                                    "gpu": {"card": "h800", "scale_up_gb_per_s": 450}})");
  CHECK(changed.world_size == 16);
  CHECK(changed.cluster.nic_bandwidth.gbyte_per_s() == Approx(25));
  CHECK(changed.gpu.scale_up_bandwidth.gbyte_per_s() == Approx(450));
  CHECK(changed.gpu.hbm_capacity == plain.gpu.hbm_capacity);
  const Scenario torus = with(R"({"card": "tpu-v3-torus", "torus_dims": [4, 4]})");
  CHECK(torus.world_size == 32);  // Two cores a chip; new sides are filled.
  for (const Scenario& scenario : {plain, changed, torus}) check_fixed_point(scenario);
}

TEST_CASE("--set changes one value, makes room below a card's name, and comes before the defaults", "[scenario]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("s.json", R"({"schema": 1, "model": "mixtral-8x7b", "cluster": "h100-ib",
      "workload": {"kind": "moe_layer", "tokens_per_rank": 8}})");
  const Scenario scenario = load_scenario(path, {.sets = {"/cluster/nodes=1", "/model/moe/top_k=4", "/name=a word",
                                                          "/routing={\"skew\": {\"kind\": \"zipf\", \"exponent\": 1}}",
                                                          "/workload/tokens_per_rank=16", "/routing/skew/exponent=0.5"},
                                                 .seed = 7});
  CHECK(scenario.world_size == 8);
  CHECK(scenario.routing->top_k == 4);
  CHECK(scenario.name == "a word");
  CHECK(scenario.seed == 7);
  CHECK(std::get<MoeLayerWorkload>(scenario.workload).tokens_per_rank == 16);
  CHECK(scenario.routing->skew.parameter == 0.5);
  check_fixed_point(scenario);
}

TEST_CASE("a group is any number of the first ranks that divides the experts; null is absent; --set makes parents",
          "[scenario]") {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("s.json", R"({"schema": 1, "model": "deepseek-v3", "cluster": {"card": "gb200-nvl72", "nodes": 1},
      "workload": {"kind": "moe_layer", "tokens_per_rank": 8, "direction": null}, "parallelism": null,
      "dispatch": {"chunks": null}})");
  const auto with = [&](const std::string& set) { return load_scenario(path, {.sets = {set}, .seed = {}}); };
  const Scenario plain = with("/routing/groups_kept=null");
  CHECK(plain.world_size == 72);
  CHECK(plain.parallelism.ep == 64);  // The largest divisor of 256 experts that is at most 72.
  CHECK(plain.routing->groups_kept == 4);
  check_fixed_point(plain);
  CHECK(with("/parallelism/ep=32").parallelism.ep == 32);
  CHECK(with("/routing/kind=top_k").routing->kind == RoutingKind::top_k);
  CHECK_THROWS_WITH(with("/parallelism/ep=72"), ContainsSubstring("at most the cluster's 72 ranks (nearest: 64)"));
  const Scenario costly = with("/dispatch/message_overhead_us=1.5");
  CHECK(costly.dispatch.message_overhead == Picoseconds{1'500'000});
  check_fixed_point(costly);
}

TEST_CASE("flows come from a CSV or from rows, to the picosecond, and the resolved scenario needs no file",
          "[scenario]") {
  const TemporaryFolder folder;
  folder.write("f.csv", "\xEF\xBB\xBFsrc,dst,bytes,start_us\r\n# a comment\r\n0,1,1000,0\r\n\r\n1, 0, 5 ,2.000003\r\n");
  const auto with = [&](const std::string& rest) {
    return load_scenario(folder.write("s.json", R"({"schema": 1, "name": "s", "cluster": "h100-node",
        "workload": {"kind": "flows", )" + rest + "}}"));
  };
  const Scenario from_file = with(R"("file": "f.csv")");
  const auto& flows = std::get<FlowsWorkload>(from_file.workload).flows;
  REQUIRE(flows.size() == 2);
  CHECK(flows[1].source == RankId{1});
  CHECK(flows[1].bytes == Bytes{5});
  CHECK(flows[1].start == Picoseconds{2'000'003});
  CHECK(resolved_text(with(R"("rows": [[0, 1, 1000, 0], [1, 0, 5, 2.000003]])")) == resolved_text(from_file));
  check_fixed_point(from_file);
}

TEST_CASE("a CSV's mistakes are told with their line", "[scenario]") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& csv) {
    folder.write("f.csv", csv);
    try {
      load_scenario(folder.write("s.json", R"({"schema": 1, "cluster": "h100-node",
          "workload": {"kind": "flows", "file": "f.csv"}})"));
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  const std::string head = "src,dst,bytes,start_us\n";
  CHECK_THAT(error("0,1,1,0\n"), ContainsSubstring("f.csv:1: found \"0,1,1,0\", expected the header"));
  CHECK_THAT(error(""), ContainsSubstring("the header"));
  CHECK_THAT(error(head), ContainsSubstring("found no flow"));
  CHECK_THAT(error(head + "0,1,1\n"), ContainsSubstring("f.csv:2: found 3 fields"));
  CHECK_THAT(error(head + "0,8,1,0\n"), ContainsSubstring("f.csv:2: found \"8\", expected dst: a rank from 0 to 7"));
  CHECK_THAT(error(head + "0,0,1,0\n"), ContainsSubstring("src = dst"));
  CHECK_THAT(error(head + "0,1,-1,0\n"), ContainsSubstring("bytes: an integer from 0"));
  CHECK_THAT(error(head + "0,1,1.5,0\n"), ContainsSubstring("bytes"));
  CHECK_THAT(error(head + "0,1,1,nan\n"), ContainsSubstring("start_us"));
  CHECK_THAT(error(head + "0,1,1,inf\n"), ContainsSubstring("start_us"));
  CHECK_THAT(error(head + "0,1,99999999999999999999,0\n"), ContainsSubstring("bytes"));
}

TEST_CASE("an all-to-all is a size, a spread of sizes or a matrix of the group", "[scenario]") {
  const auto with = [](const std::string& rest, const std::string& more = "") {
    return parse(
        R"({"schema": 1, "cluster": "h100-node", "parallelism": {"ep": 2}, "workload": {"kind": "all_to_all", )" +
        rest + "}" + more + "}");
  };
  const Scenario matrix = with(R"("matrix": [[0, 3], [4, 0]])", R"(, "dispatch": {"algorithm": "pairwise"})");
  CHECK(std::get<AllToAllWorkload>(matrix.workload).matrix == std::vector<std::int64_t>{0, 3, 4, 0});
  CHECK(matrix.dispatch.algorithm == ExchangeAlgorithm::pairwise);
  check_fixed_point(matrix);
  const Scenario spread = with(R"("bytes_per_pair": 100, "sigma": 0.5)");
  CHECK(std::get<AllToAllWorkload>(spread.workload).sigma == 0.5);
  check_fixed_point(spread);
  CHECK_THROWS_AS(with(R"("matrix": [[0, 3], [4, 1]])"), InputError);     // A rank that sends to itself.
  CHECK_THROWS_AS(with(R"("matrix": [[0, 3]])"), InputError);             // A row is missing.
  CHECK_THROWS_AS(with(R"("matrix": [[0, 3], [4, 0, 0]])"), InputError);  // One is too long.
  CHECK_THROWS_AS(with(R"("matrix": [[0, 3], [4, 0]], "sigma": 1)"), InputError);
  CHECK_THROWS_AS(with(R"("bytes_per_pair": 1, "matrix": [[0, 3], [4, 0]])"), InputError);
  CHECK_THROWS_AS(with(R"("sigma": 1)"), InputError);
  CHECK_THROWS_AS(with(R"("bytes_per_pair": 1)", R"(, "dispatch": {"algorithm": "two_hop"})"), InputError);
}

}  // namespace
}  // namespace moesim
