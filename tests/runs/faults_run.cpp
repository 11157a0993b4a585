// Faults in whole runs: who is slowed, and where the bytes go.
#include <map>

#include <fmt/format.h>

#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

RunResult shipped(const std::string& name, const std::vector<std::string>& sets = {}) {
  return run_scenario(load_scenario(std::string(MOESIM_SCENARIOS) + "/" + name, {.sets = sets, .seed = {}}));
}

const std::vector<std::string> kWhole = {"/cluster/faults=null"};

std::string error_of(const std::string& text) {
  try {
    parse_scenario(parse_json(text, "test"), "test");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

std::string flows_with(const std::string& cluster, const std::string& rows) {
  return fmt::format(R"({{"schema": 1, "cluster": {}, "workload": {{"kind": "flows", "rows": {}}}}})", cluster, rows);
}

TEST_CASE("one NIC at half rate slows exactly the ranks that use it", "[oracle][runs]") {
  const RunResult slow = shipped("half-rate-nic.json");
  const RunResult whole = shipped("half-rate-nic.json", kWhole);
  REQUIRE(slow.flows.size() == 32);
  std::map<int, Picoseconds> finish[2];  // When each rank has sent and received all.
  for (std::size_t i = 0; i < slow.flows.size(); ++i) {
    const FlowRequest& flow = slow.flows[i].request;
    // Rank 11 is node 1's fourth: its NIC takes in what rank 3 sends and lets out what is for rank 19.
    const bool uses = flow.source == RankId{11} || flow.destination == RankId{11};
    // 100 MB at 50 GB/s are 2 ms; at half the rate as much again.
    const Picoseconds more = uses ? Picoseconds::from_us(2000) : Picoseconds::zero();
    CHECK(slow.flows[i].finish == whole.flows[i].finish + more);
    for (const RankId rank : {flow.source, flow.destination}) {
      for (const auto& [run, at] : {std::pair{0, whole.flows[i].finish}, {1, slow.flows[i].finish}}) {
        finish[run][rank.value] = std::max(finish[run][rank.value], at);
      }
    }
  }
  for (int rank = 0; rank < 32; ++rank) {
    const bool slowed = finish[1].at(rank) > finish[0].at(rank);
    CHECK(slowed == (rank == 3 || rank == 11 || rank == 19));
  }
}

TEST_CASE("a failed spine moves its traffic to the others", "[oracle][runs]") {
  const RunResult failed = shipped("failed-spine.json");
  const RunResult whole = shipped("failed-spine.json", kWhole);
  const auto up = [](const RunResult& result) {
    std::map<std::string, std::int64_t> bytes;
    for (const LinkResult& link : result.links) {
      const auto arrow = link.name.find("->spine");
      if (arrow != std::string::npos) bytes[link.name.substr(arrow + 2)] += link.bytes.count;
    }
    return bytes;
  };
  const auto before = up(whole);
  const auto after = up(failed);
  REQUIRE(before.size() == 8);
  CHECK(after.count("spine0") == 0);
  // 8 nodes of 8 on 8 rails: each spine carries what is for one node from other nodes and rails, 8 ranks x 7 x 7.
  constexpr std::int64_t kMib = 1 << 20;
  std::int64_t sum = 0;
  for (const auto& [spine, bytes] : before) CHECK(bytes == 8 * 7 * 7 * kMib);
  // What was for node 0 goes on, a destination at a time: to spines 1 to 7 in turn, and the eighth to the first.
  for (const auto& [spine, bytes] : after) {
    CHECK(bytes == (8 * 7 * 7 + (spine == "spine1" ? 2 : 1) * 7 * 7) * kMib);
    sum += bytes;
  }
  CHECK(sum == 8 * 8 * 7 * 7 * kMib);
  CHECK(failed.time > whole.time);
  // NICs carry what they did.
  const auto nic = [](const RunResult& result) {
    for (const LinkResult& link : result.links) {
      if (link.name == "node3/nic4-rx") return link.bytes.count;
    }
    return std::int64_t{0};
  };
  CHECK(nic(failed) == nic(whole));
}

TEST_CASE("what a failed spine costs is a matter of routing", "[runs]") {
  // The table of docs/models/topologies.md. Each of 8 leaves sends 49 of 56 parts of its 8 NICs' traffic up: 7/8 of 8
  // uplinks, which are 7. Spread evenly they carry it; one link down for two destinations takes nearly twice as long.
  const auto time = [](const std::string& routing, bool whole) {
    std::vector<std::string> sets = {"/cluster/routing=\"" + routing + "\""};
    if (whole) sets.insert(sets.end(), kWhole.begin(), kWhole.end());
    return shipped("failed-spine.json", sets).time.us();
  };
  CHECK(time("deterministic", true) == Approx(1177).margin(1));
  CHECK(time("deterministic", false) == Approx(2059).margin(1));
  CHECK(time("ecmp", true) == Approx(1367).margin(1));
  CHECK(time("ecmp", false) == Approx(1577).margin(1));
  CHECK(time("adaptive", true) == Approx(1177).margin(1));
  CHECK(time("adaptive", false) == Approx(1178).margin(1));
  // 56 MiB into each NIC of 50 GB/s; 98 MiB over the link down that serves two.
  CHECK(time("deterministic", true) == Approx(56 * 1048576 / 50e3).epsilon(0.005));
  CHECK(time("deterministic", false) == Approx(98 * 1048576 / 50e3).epsilon(0.005));
}

TEST_CASE("a slow GPU computes at its factor, and the layer waits for it", "[oracle][runs]") {
  // One rank: nothing but kernels, so that half the speed is twice the time, up to a picosecond a kernel.
  const auto layer = [](const std::string& faults) {
    return run_text(R"({"schema": 1, "model": "deepseek-v2-lite", "cluster": {"card": "h100-node")" + faults +
                    R"(}, "workload": {"kind": "moe_layer", "tokens_per_rank": 4096}, "parallelism": {"ep": 1}})");
  };
  const RunResult whole = layer("");
  const RunResult slow = layer(R"(, "faults": [{"kind": "gpu_slow", "name": "node0/gpu0", "factor": 0.5}])");
  const RunResult other = layer(R"(, "faults": [{"kind": "gpu_slow", "name": "node0/gpu1", "factor": 0.5}])");
  CHECK(std::abs(slow.time.count - 2 * whole.time.count) < 10);
  CHECK(other.time == whole.time);
}

TEST_CASE("faults of what is not there are refused with the nearest names", "[errors]") {
  const auto with = [](const std::string& fault) {
    return error_of(flows_with(R"({"card": "h100-ib", "nodes": 2, "faults": [)" + fault + "]}", "[[0, 8, 1, 0]]"));
  };
  CHECK_THAT(with(R"({"kind": "nic_down", "name": "node0/nik0"})"),
             ContainsSubstring("/cluster/faults/0/name: found \"node0/nik0\"") &&
                 ContainsSubstring("did you mean \"node0/nic0\"?"));
  CHECK_THAT(with(R"({"kind": "switch_down", "name": "rail0/leef0"})"), ContainsSubstring("\"rail0/leaf0\""));
  CHECK_THAT(with(R"({"kind": "link_down", "name": "node0/nic0-xt"})"), ContainsSubstring("node0/nic0-tx"));
  CHECK_THAT(with(R"({"kind": "gpu_slow", "name": "node2/gpu0", "factor": 0.5})"), ContainsSubstring("node2/gpu0"));
  CHECK_THAT(with(R"({"kind": "gpu_slow", "name": "node1/gpu0", "factor": 1.5})"), ContainsSubstring("/factor"));
  CHECK_THAT(with(R"({"kind": "gpu_slow", "name": "node1/gpu0"})"), ContainsSubstring("factor"));
  CHECK_THAT(with(R"({"kind": "nic_down", "name": "node1/nic0", "factor": 0.5})"), ContainsSubstring("factor"));
  CHECK_THAT(with(R"({"kind": "nic_gone", "name": "node1/nic0"})"), ContainsSubstring("one of link_down"));
  const std::string twice = R"({"kind": "nic_down", "name": "node1/nic0"})";
  CHECK_THAT(with(twice + "," + twice), ContainsSubstring("twice"));
  CHECK(with(twice) == "accepted");
}

TEST_CASE("pairs that nothing joins are refused, counted and named; those that nobody needs are not", "[errors]") {
  // 4 nodes on a leaf of 8 ports: node 4 hangs on the second alone.
  const std::string cut = R"({"card": "h100-ib", "nodes": 5, "switch_radix": 8, "rails": 1, "nics_per_node": 1,
      "faults": [{"kind": "switch_down", "name": "rail0/leaf1"}]})";
  CHECK(error_of(flows_with(cut, "[[0, 8, 1, 0]]")) == "accepted");
  CHECK_THAT(error_of(flows_with(cut, "[[0, 8, 1, 0], [3, 32, 1, 0], [33, 1, 1, 0]]")),
             ContainsSubstring("/cluster/faults: found 2 pairs that nothing joins: ranks 3 to 32, 33 to 1"));
  const std::string all = R"({"schema": 1, "workload": {"kind": "all_to_all", "bytes_per_pair": 1}, "cluster": )";
  CHECK_THAT(error_of(all + cut + "}"), ContainsSubstring("found 512 pairs that nothing joins"));
  CHECK(error_of(all + cut + R"(, "parallelism": {"ep": 32}})") == "accepted");
  const std::string planes = R"({"schema": 1, "name": "x", "kind": "multi_plane", "gpu": "h100", "ranks_per_node": 8,
      "scale_up_latency_us": 0.3, "nics_per_node": 8, "nic_gbit_per_s": 400, "nic_latency_us": 1,
      "switch_latency_us": 0.5, "switch_radix": 64, "planes": 8, "nodes": 2)";
  CHECK(error_of(all + planes + "}}") == "accepted");
  CHECK_THAT(error_of(all + planes + R"(, "forwarding": "none"}})"), ContainsSubstring("/cluster: found 112 pairs"));
}

TEST_CASE("a collective needs the pairs of its own ranks alone", "[errors]") {
  const std::string cut = R"({"card": "h100-ib", "nodes": 5, "switch_radix": 8, "rails": 1, "nics_per_node": 1,
      "faults": [{"kind": "switch_down", "name": "rail0/leaf1"}]})";
  const auto with = [&](const std::string& workload) {
    return error_of(R"({"schema": 1, "cluster": )" + cut + R"(, "workload": {"kind": "collective", "bytes": 1000, )" +
                    workload + "}}");
  };
  CHECK_THAT(with(R"("op": "all_reduce")"), ContainsSubstring("found 512 pairs that nothing joins"));
  CHECK(with(R"("op": "all_reduce", "ranks": 32)") == "accepted");
  CHECK(with(R"("op": "send_recv")") == "accepted");
  CHECK(with(R"("op": "send_recv", "source": 8, "destination": 31)") == "accepted");
  CHECK_THAT(with(R"("op": "send_recv", "source": 3, "destination": 32)"),
             ContainsSubstring("found 1 pair that nothing joins: ranks 3 to 32"));
}

TEST_CASE("nodes of several sorts: flows and all-to-all run, a layer is refused", "[runs]") {
  const std::string mixed = R"({"card": "h100-ib", "nodes": 1, "rails": 4, "nics_per_node": 8,
      "more_nodes": [{"gpu": "a100-80gb", "nodes": 1, "ranks_per_node": 4, "nics_per_node": 4,
                      "nic_gbit_per_s": 200}]})";
  const RunResult flows = run_text(flows_with(mixed, "[[0, 8, 100000000, 0], [9, 10, 300000000, 0]]"));
  // 100 MB into a NIC of 25 GB/s; 300 MB over the NVLink of an A100, 300 GB/s.
  CHECK(flows.flows[0].finish.us() == Approx(4000).epsilon(0.001));
  CHECK(flows.flows[1].finish.us() == Approx(1000).epsilon(0.001));
  const RunResult all = run_text(R"({"schema": 1, "workload": {"kind": "all_to_all", "bytes_per_pair": 1000000},
      "cluster": )" + mixed + "}");
  CHECK(all.scenario.world_size == 12);
  // The slow NICs take in 8 x 1 MB each at 25 GB/s.
  CHECK(all.time.us() == Approx(320).epsilon(0.02));
  CHECK_THAT(error_of(R"({"schema": 1, "model": "deepseek-v3", "workload": {"kind": "moe_layer", "tokens_per_rank": 8},
      "cluster": )" + mixed +
                      "}"),
             ContainsSubstring("/cluster/more_nodes"));
}

}  // namespace
}  // namespace moesim
