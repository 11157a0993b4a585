#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/scenario_json.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/temporary_folder.hpp"

namespace moesim {
namespace {

// A scenario in which nothing is wrong; each row of the table spoils one thing by --set, which is tested with it.
constexpr const char* kGood = R"({
  "schema": 1, "name": "good",
  "model": "deepseek-v3", "cluster": {"card": "h800-ib", "nodes": 8},
  "workload": {"kind": "moe_layer", "tokens_per_rank": 64, "direction": "forward"},
  "parallelism": {"ep": 64},
  "routing": {"kind": "node_limited", "groups_kept": 4, "skew": {"kind": "uniform"}},
  "placement": "contiguous",
  "dispatch": {"algorithm": "two_hop", "dispatch_dtype": "fp8", "combine_dtype": "bf16", "padding": "none"},
  "compute": {"dtype": "fp8"}, "seed": 1 })";

std::string load_error(const std::string& path, const std::vector<std::string>& sets = {}) {
  try {
    load_scenario(path, {.sets = sets, .seed = {}});
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

struct Row {
  std::string set;
  std::string where;     // What the message must begin with, behind the file.
  std::string expected;  // And contain.
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows{
      // Wrong types and values.
      {"/schema=2", "/schema: found 2", "an integer from 1 to 1"},
      {"/name=\"\"", "/name: found \"\"", "printable"},
      {"/name=[1]", "/name: found an array of 1", "a string"},
      {"/seed=-1", "/seed: found -1", "integer"},
      {"/seed=1.5", "/seed: found 1.5", "integer"},
      {"/seed=99999999999999999999", "/seed: found", "integer"},
      {"/network=[]", "/network: found an array of 0", "an object"},
      {"/network={\"tolerance\": 0.11}", "/network/tolerance: found 0.11", "0.1"},
      {"/network={\"tolerance\": -0.01}", "/network/tolerance: found -0.01", "0"},
      {"/network={\"tolerence\": 0}", "/network/tolerence", "did you mean \"tolerance\"?"},
      {"/workload=[]", "/workload: found an array of 0", "an object"},
      {"/workload={}", "/workload/kind: found nothing", "required"},
      {"/workload/kind=moe_leyer", "/workload/kind: found \"moe_leyer\"", "did you mean \"moe_layer\"?"},
      {"/workload/kind=training_step", "/workload/kind: found", "one of flows, all_to_all, moe_layer"},
      {"/workload/tokens_per_rank=0", "/workload/tokens_per_rank: found 0", "from 1"},
      {"/workload/tokens_per_rank=-5", "/workload/tokens_per_rank: found -5", "from 1"},
      {"/workload/tokens_per_rank=1e30", "/workload/tokens_per_rank: found 1e+30", "integer"},
      {"/workload/tokens_per_rank=2147483648", "/workload: found 137438953472 tokens", "at most 2147483648 tokens"},
      {"/workload/direction=sideways", "/workload/direction: found \"sideways\"", "forward_backward"},
      {"/placement=random", "/placement: found \"random\"", "contiguous, strided"},
      {"/placement=eplbb", "/placement: found \"eplbb\"", "did you mean \"eplb\"?"},
      {"/placement={}", "/placement/kind: found nothing", "required"},
      {"/placement={\"kind\": \"eplb\", \"redundant_experts\": 32}", "/placement/redundant_experts: found 32",
       "a multiple of 64"},
      {"/placement={\"kind\": \"eplb\", \"redundant_experts\": -64}", "/placement/redundant_experts: found -64",
       "from 0"},
      {"/placement={\"kind\": \"eplb\", \"groups\": 7}", "/placement/groups: found 7", "a divisor of 256"},
      {"/placement={\"kind\": \"eplb\", \"replicas\": \"even\"}", "/placement/replicas: found an unknown key", "kind"},
      {"/placement={\"kind\": \"greedy\", \"redundant_experts\": 64}",
       "/placement/redundant_experts: found an unknown key", "kind"},
      {"/placement={\"kind\": \"strided\", \"loads\": \"same_step\"}", "/placement/loads: found an unknown key",
       "kind"},
      {"/placement={\"kind\": \"greedy\", \"loads\": \"next_step\"}", "/placement/loads: found \"next_step\"",
       "same_step"},
      {"/placement={\"kind\": \"greedy\", \"loads\": \"same_step\", \"load_steps\": 2}",
       "/placement/load_steps: found an unknown key", "loads"},
      {"/placement={\"kind\": \"greedy\", \"load_steps\": 0}", "/placement/load_steps: found 0", "from 1"},
      {"/placement={\"kind\": \"coactivation\", \"load_slack\": -1}", "/placement/load_slack: found -1", "from 0"},
      {"/workload={\"kind\": \"rebalance\", \"tokens_per_rank\": 8, \"from\": \"here\"}",
       "/workload/from: found \"here\"", "contiguous"},
      {"/workload={\"kind\": \"rebalance\"}", "/workload/tokens_per_rank: found nothing", "required"},
      {"/compute/dtype=fp7", "/compute/dtype: found \"fp7\"", "did you mean"},
      {"/compute/overlap_shared_experts=yes", "/compute/overlap_shared_experts: found \"yes\"", "true or false"},
      {"/dispatch/algorithm=two_hops", "/dispatch/algorithm: found", "did you mean \"two_hop\"?"},
      {"/dispatch/chunks=0", "/dispatch/chunks: found 0", "from 1 to 1024"},
      // Unknown keys.
      {"/modell=x", "/modell: found an unknown key", "did you mean \"model\"?"},
      {"/routing/topk=8", "/routing/topk: found an unknown key", "did you mean \"top_k\"?"},
      {"/workload/tokens=8", "/workload/tokens: found an unknown key", "tokens_per_rank"},
      {"/routing/skew/exponent=1", "/routing/skew/exponent: found an unknown key", "kind"},
      {"/cluster/nods=8", "/cluster/nods: found an unknown key", "did you mean \"nodes\"?"},
      // Names of cards.
      {"/model=deepseek-v33", "/model: found \"deepseek-v33\"", "did you mean \"deepseek-v3\"?"},
      {"/model=gpt-4", "/model: found \"gpt-4\"", "public"},
      {"/model=llama-2-7b", "/model: found \"llama-2-7b\"", "dense"},
      {"/model=null", "/model: found null", "model"},
      {"/model={\"card\": \"mixtrl-8x7b\"}", "/model/card: found \"mixtrl-8x7b\"", "did you mean \"mixtral-8x7b\"?"},
      {"/model={\"card\": \"deepseek-v3\", \"moe\": {\"top_k\": 999}}", "/model/moe/top_k: found 999", "256 experts"},
      {"/cluster=h800", "/cluster: found \"h800\"", "did you mean"},
      {"/cluster=7", "/cluster: found 7", "a name"},
      {"/cluster/gpu=h900", "/cluster/gpu: found \"h900\"", "did you mean"},
      {"/cluster/gpu={\"card\": \"h800\", \"tdp_w\": -1}", "/cluster/gpu/tdp_w: found -1", "a number"},
      // Sizes.
      {"/cluster/nodes=0", "/cluster/nodes: found 0", "integer"},
      {"/cluster/nodes=125000000000", "/cluster/nodes: found 125000000000 nodes with 1000000000000 ranks", "GiB"},
      {"/cluster/nodes=1e30", "/cluster/nodes: found 1e+30", "integer"},
      {"/parallelism/ep=0", "/parallelism/ep: found 0", "from 1 to 64"},
      {"/parallelism/ep=48", "/parallelism/ep: found 48", "nearest: 32 or 64"},
      {"/parallelism/ep=128", "/parallelism/ep: found 128", "from 1 to 64"},
      // Routing.
      {"/routing/kind=top_p", "/routing/kind: found \"top_p\"", "did you mean \"top_"},
      {"/routing/top_k=0", "/routing/top_k: found 0", "from 1 to 256"},
      {"/routing/top_k=257", "/routing/top_k: found 257", "from 1 to 256"},
      {"/routing/groups_kept=9", "/routing/groups_kept: found 9", "from 1 to 8"},
      {"/routing/groups=8", "/routing/groups: found an unknown key", "groups_kept"},
      {"/routing={\"kind\": \"group_limited\", \"groups\": 7}", "/routing/groups: found 7", "a divisor of 256"},
      {"/routing={\"kind\": \"node_limited\", \"top_k\": 200}", "/routing: found top_k is 200",
       "a router that can route"},
      {"/routing={\"kind\": \"top_1\", \"top_k\": 2}", "/routing/top_k: found 2", "from 1 to 1"},
      {"/routing/capacity={\"factor\": 0}", "/routing/capacity/factor: found 0", "a number from"},
      {"/routing/capacity=1.25", "/routing/capacity: found 1.25", "\"none\""},
      {"/routing/skew={\"kind\": \"zipf\"}", "/routing/skew/exponent: found nothing", "required"},
      {"/routing/skew={\"kind\": \"zipf\", \"exponent\": -1}", "/routing/skew/exponent: found -1", "from 0"},
      {"/routing/skew={\"kind\": \"trace\", \"file\": \"x\"}", "/routing/skew/kind: found \"trace\"", "one of uniform"},
      // What would change nothing is told, not ignored.
      {"/dispatch/padding=capacity", "/dispatch/padding: found \"capacity\" with two_hop", "direct or pairwise"},
      {"/dispatch={\"padding\": \"capacity\"}", "/dispatch/padding: found \"capacity\" without a capacity", "none"},
      {"/dispatch={\"algorithm\": \"direct\", \"chunks\": 2}", "/dispatch/chunks: found", "two_hop or all_gather"},
      {"/compute/optimizer_bytes_per_weight=8", "/compute/optimizer_bytes_per_weight: found", "backward"},
      {"/workload={\"kind\": \"all_to_all\", \"bytes_per_pair\": 1}", "/model: found a key that the workload",
       "without"},
  };
  return rows;
}

TEST_CASE("every kind of bad value is refused with its pointer, what was found and what was expected", "[scenario]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("good.json", kGood);
  REQUIRE(load_error(path) == "accepted");
  for (const Row& row : table()) {
    CAPTURE(row.set);
    const std::string error = load_error(path, {row.set});
    CHECK_THAT(error, ContainsSubstring(path + ": " + row.where));
    CHECK_THAT(error, ContainsSubstring(row.expected));
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a mistake in --set names --set", "[scenario]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("good.json", kGood);
  for (const char* set : {"", "=", "seed=2", "/seed", "/seed/deeper=1", "/name~2=x", "/workload={\"kind\": x}",
                          "/name=\"\xFF\"", "/name=\xFF", "/name=a\nb", "/workload={\"kind\": 1, \"kind\": 2}"}) {
    CAPTURE(set);
    CHECK_THAT(load_error(path, {set}), ContainsSubstring("--set"));
  }
}

TEST_CASE("a file that cannot be read is refused by its name", "[scenario]") {
  const TemporaryFolder folder;
  CHECK(load_error(folder / "missing.json") ==
        folder / "missing.json: the whole document: found no such file, expected a file that can be read");
  CHECK_THAT(load_error(folder / "."), ContainsSubstring("found a folder"));
  CHECK_THAT(load_error(folder.write("empty.json", "")), ContainsSubstring("the text is empty"));
  CHECK_THAT(load_error(folder.write("csv.json", "a,b\n1,2\n")), ContainsSubstring("csv.json:1:1: the whole document"));
  CHECK_THAT(load_error(folder.write("list.json", "[1]")),
             ContainsSubstring("found an array of 1, expected an object"));
  CHECK_THAT(load_error(folder.write("twice.json", R"({"schema": 1, "schema": 1})")),
             ContainsSubstring("/schema: found this key"));
  const std::string secret = folder.write("secret.json", kGood);
  std::filesystem::permissions(secret, std::filesystem::perms::none);
  if (::geteuid() != 0) CHECK_THAT(load_error(secret), ContainsSubstring("Permission denied"));
}

TEST_CASE("a mistake in a card's file names that file", "[scenario]") {
  const TemporaryFolder folder;
  folder.write("model.json", R"({"schema": 1, "name": "m", "hidden_size": -4})");
  const std::string path = folder.write("good.json", kGood);
  CHECK_THAT(load_error(path, {"/model=model.json"}), ContainsSubstring(folder / "model.json: /hidden_size: found -4"));
  CHECK_THAT(load_error(path, {"/model=./absent.json"}),
             ContainsSubstring("absent.json: the whole document: found no such file"));
}

}  // namespace
}  // namespace moesim
