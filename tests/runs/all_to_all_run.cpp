#include <cmath>

#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/runs/run_text.hpp"

namespace moesim {
namespace {

// Eight GPUs a node behind NVSwitch and one 50 GB/s NIC a GPU, no latency, so that closed forms are short.
std::string all_to_all(int ranks, const std::string& workload, const std::string& algorithm = "direct") {
  return fmt::format(R"({{"schema": 1, "cluster": {{"card": "h100-ib", "nodes": {},
       "scale_up_latency_us": 0, "nic_latency_us": 0, "switch_latency_us": 0, "scale_up_efficiency": 1,
       "scale_out_efficiency": 1}},
     "workload": {{"kind": "all_to_all", {}}}, "parallelism": {{"ep": {}}},
     "dispatch": {{"algorithm": "{}"}}}})",
                     (ranks + 7) / 8, workload, ranks, algorithm);
}

TEST_CASE("a uniform all-to-all ends at its closed form, to the picosecond", "[oracle][runs]") {
  // m bytes for each ordered pair. Inside one node a GPU sends (P - 1) m over its NVLink of 450 GB/s; across nodes its
  // NIC of 50 GB/s carries (P - 8) m, and NVLink is done long before. Fabrics are non-blocking, so the later of the
  // two is the answer. Rounded up to whole picoseconds.
  const int ranks = GENERATE(2, 8, 64, 256);
  const std::int64_t bytes = 1 << 20;
  const RunResult result = run_text(all_to_all(ranks, R"("bytes_per_pair": 1048576)"));
  const double seconds =
      ranks <= 8 ? static_cast<double>((ranks - 1) * bytes) / 450e9 : static_cast<double>((ranks - 8) * bytes) / 50e9;
  CAPTURE(ranks);
  CHECK(std::abs(result.time.count - static_cast<std::int64_t>(std::ceil(seconds * 1e12 - 1e-3))) <= 1);
}

TEST_CASE("a stepped all-to-all of one node waits for each step", "[oracle][runs]") {
  // In each of the P - 1 steps every rank sends to one other, alone on its links: (P - 1) m / 450 GB/s, as at once.
  const RunResult at_once = run_text(all_to_all(8, R"("bytes_per_pair": 900000)"));
  const RunResult stepped = run_text(all_to_all(8, R"("bytes_per_pair": 900000)", "pairwise"));
  CHECK(at_once.time == Picoseconds::from_us(14));
  CHECK(stepped.time == Picoseconds::from_us(14));
}

TEST_CASE("lognormal sizes keep their mean and take longer than equal ones", "[property][runs]") {
  const RunResult equal = run_text(all_to_all(64, R"("bytes_per_pair": 1048576)"));
  const RunResult drawn = run_text(all_to_all(64, R"("bytes_per_pair": 1048576, "sigma": 0.7)"));
  CHECK(drawn.time > equal.time);
  // 448 inter-node pairs a rank side: each NIC carries 56 draws; the sum over all 64 has a relative s.e. of
  // sqrt(exp(0.49) - 1) / sqrt(3584) = 1.3 %.
  double sent = 0;
  for (const LinkResult& link : drawn.links) {
    if (link.name.find("nic") != std::string::npos && link.name.find("tx") != std::string::npos) {
      sent += static_cast<double>(link.bytes.count);
    }
  }
  CHECK(sent / (3584.0 * 1048576.0) == Approx(1).margin(3 * 0.0134));
}

TEST_CASE("flows that are given start, share and end as a person would compute", "[oracle][runs]") {
  // Three flows into the NIC of rank 8, 50 GB/s, no latency. Two of 50 MB share it from 0 and have 37.5 MB left each
  // at 500 us. Then three share it: the third, of 25 MB, is done at 500 us + 3 * 25 MB / 50 GB/s = 2,000 us. The two
  // have 12.5 MB left and end at 2,000 us + 2 * 12.5 MB / 50 GB/s = 2,500 us.
  const RunResult result = run_text(R"({"schema": 1, "cluster": {"card": "h100-ib", "nodes": 2,
       "scale_up_latency_us": 0, "nic_latency_us": 0, "switch_latency_us": 0, "scale_out_efficiency": 1},
     "workload": {"kind": "flows", "rows": [
       [0, 8, 50000000, 0], [1, 8, 50000000, 0], [2, 8, 25000000, 500]]}})");
  REQUIRE(result.flows.size() == 3);
  CHECK(result.flows[0].finish.us() == Approx(2500).epsilon(1e-9));
  CHECK(result.flows[1].finish.us() == Approx(2500).epsilon(1e-9));
  CHECK(result.flows[2].finish.us() == Approx(2000).epsilon(1e-9));
}

}  // namespace
}  // namespace moesim
