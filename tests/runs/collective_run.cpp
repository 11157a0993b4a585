#include <map>

#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

std::string collective(const std::string& cluster, const std::string& workload, const std::string& library = "none") {
  return R"({"schema": 1, "cluster": )" + cluster + R"(, "workload": {"kind": "collective", )" + workload +
         R"(}, "dispatch": {"library": ")" + library + R"("}})";
}

std::map<std::string, std::int64_t> bytes_by_link(const RunResult& result) {
  std::map<std::string, std::int64_t> bytes;
  for (const LinkResult& link : result.links) bytes[link.name] = link.bytes.count;
  return bytes;
}

}  // namespace

TEST_CASE("a ring loads every port with 2 (n - 1) / n of the vector", "[runs][property]") {
  const RunResult result = run_text(collective(R"("h100-node")", R"("op": "all_reduce", "bytes": 80000000)"));
  const auto bytes = bytes_by_link(result);
  REQUIRE(bytes.size() == 16);
  for (const auto& [link, count] : bytes) CHECK(count == 2 * 7 * 10'000'000);
  CHECK(result.bandwidth->bus_gb_per_s == Approx(result.bandwidth->algorithm_gb_per_s * 1.75));
}

TEST_CASE("across nodes a ring's bus bandwidth is that of all NICs of a node", "[runs][oracle]") {
  // 8 x 50 GB/s are less than NVLink's bound, 8/7 x 450 GB/s (a GPU is in 7 of 8 rings' hops inside). Each of the
  // 2 (n - 1) steps takes S / 8n at a NIC and a route along a rail.
  const auto run = [](const std::string& cluster, const std::string& algorithm) {
    return run_text(collective(R"({"card": "h100-ib", "nodes": 4)" + cluster + "}",
                               R"("op": "all_reduce", "bytes": 25600000000, "algorithm": ")" + algorithm + R"(")"));
  };
  const RunResult ring = run("", "ring");
  CHECK(ring.time.us() == Approx(62 * (25.6e9 / 8 / 32 / 50e9 * 1e6 + 2 * 1.175 + 0.45)).epsilon(1e-6));
  CHECK(ring.bandwidth->bus_gb_per_s == Approx(400).epsilon(0.01));
  for (const auto& [link, count] : bytes_by_link(ring)) CHECK(link.find("spine") == std::string::npos);
  // NICs of 1,600 Gbit/s: NVLink binds.
  CHECK(run(R"(, "nic_gbit_per_s": 1600)", "ring").bandwidth->bus_gb_per_s == Approx(450 * 8 / 7.0).epsilon(0.01));
  // Two NICs a node: two rings.
  CHECK(run(R"(, "nics_per_node": 2, "rails": 2)", "ring").bandwidth->bus_gb_per_s == Approx(100).epsilon(0.01));
}

TEST_CASE("a send_recv goes from the rank that it names to the other", "[runs][oracle]") {
  const RunResult result = run_text(collective(
      R"({"card": "h100-ib", "nodes": 2})", R"("op": "send_recv", "bytes": 50000000, "source": 9, "destination": 1)"));
  CHECK(result.time.us() == Approx(1000 + 2 * 1.175 + 0.45));
  CHECK(bytes_by_link(result).at("node1/nic1-tx") == 50'000'000);
  CHECK(bytes_by_link(result).at("node0/nic1-rx") == 50'000'000);
}

TEST_CASE("hierarchical: NICs carry a ring of S / G, and only along their rail", "[runs][oracle]") {
  // 2 (7/8 S / 450 GB/s + 0.6 us) + 2 * 3 (S / 8 / 4 / 50 GB/s + the route of a rail through one leaf).
  const std::int64_t size = 320'000'000;
  const RunResult result = run_text(collective(
      R"({"card": "h100-ib", "nodes": 4})", R"("op": "all_reduce", "algorithm": "hierarchical", "bytes": 320000000)"));
  for (const auto& [link, count] : bytes_by_link(result)) {
    CAPTURE(link);
    if (link.find("nic") != std::string::npos) CHECK(count == 2 * 3 * size / 32);
    if (link.find("nvlink") != std::string::npos) CHECK(count == 2 * 7 * size / 8);
    CHECK(link.find("spine") == std::string::npos);
  }
  const double up_us = 2 * (7.0 / 8 * size / 450e9 * 1e6 + 0.6);
  const double out_us = 6 * (size / 32.0 / 50e9 * 1e6 + 2 * 1.175 + 0.45);
  CHECK(result.time.us() == Approx(up_us + out_us).epsilon(1e-9));
}

TEST_CASE("a double tree is done much sooner than a ring of many ranks with few bytes", "[runs][oracle]") {
  const auto time_us = [&](const std::string& algorithm, const std::string& size) {
    return run_text(collective(R"({"card": "h100-ib", "nodes": 8})",
                               R"("op": "all_reduce", "algorithm": ")" + algorithm + R"(", "bytes": )" + size))
        .time.us();
  };
  // 126 steps of a ring against 2 * 6 levels and 15 more chunks.
  CHECK(time_us("tree", "64000") < 0.4 * time_us("ring", "64000"));
}

TEST_CASE("in the network every port carries the vector once", "[runs][oracle]") {
  const RunResult result =
      run_text(collective(R"("h100-node")", R"("op": "all_reduce", "algorithm": "in_network", "bytes": 45000000)"));
  for (const auto& [link, count] : bytes_by_link(result)) CHECK(count == 45'000'000);
  CHECK(result.time.us() == Approx(100.6));
}

TEST_CASE("a library of exchanges runs no collective", "[runs][errors]") {
  CHECK_THROWS_AS(run_text(collective(R"("h100-node")", R"("op": "all_reduce", "bytes": 1000)", "deepep")), InputError);
  CHECK_NOTHROW(run_text(collective(R"("h100-node")", R"("op": "all_reduce", "bytes": 1000)", "nccl_ring")));
}

TEST_CASE("a library's launch and its part of the links", "[runs][oracle]") {
  // nccl_ring-h100: launch, then S over the part of 450 GB/s that it uses, after two links.
  const RunResult result =
      run_text(collective(R"("h100-node")", R"("op": "send_recv", "bytes": 450000000)", "nccl_ring"));
  const ExchangeLibrary& library = *result.scenario.dispatch.library;
  const double expected = *library.constant("launch_us") + 0.6 + 1000 / *library.constant("scale_up_efficiency");
  CHECK(result.time.us() == Approx(expected).epsilon(1e-9));
}

TEST_CASE("an exchange alone moves what it moves in its layer", "[runs][property]") {
  const auto text = [](const std::string& workload) {
    return R"({"schema": 1, "model": "deepseek-v2-lite", "cluster": {"card": "h800-ib", "nodes": 2}, "workload": )" +
           workload + R"(, "parallelism": {"ep": 16}, "dispatch": {"algorithm": "two_hop", "dispatch_dtype": "fp8"}})";
  };
  const RunResult layer = run_text(text(R"({"kind": "moe_layer", "tokens_per_rank": 256})"));
  const RunResult dispatch = run_text(text(R"({"kind": "exchange", "tokens_per_rank": 256, "op": "dispatch"})"));
  const RunResult combine = run_text(text(R"({"kind": "exchange", "tokens_per_rank": 256, "op": "combine"})"));
  CHECK(dispatch.dispatch->bytes_scale_out == layer.dispatch->bytes_scale_out);
  CHECK(combine.combine->bytes_scale_up == layer.combine->bytes_scale_up);
  CHECK_FALSE(dispatch.combine);
  CHECK(dispatch.copies->to_experts == 16 * 256 * 6);
  CHECK(dispatch.time < layer.time);
}

}  // namespace moesim
