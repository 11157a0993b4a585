#include "validate/measurement_csv.hpp"

#include <cmath>

#include "scenarios/error.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "validate/measurement_row.hpp"

namespace moesim {
namespace {

Measurement random_measurement(Rng& rng) {
  const auto kernels = measured_kernels();
  const MeasuredKernelInfo& about = kernels[rng.below(static_cast<std::uint32_t>(kernels.size()))];
  Measurement m;
  m.kernel = about.kernel;
  m.library = rng.below(2) == 0 ? "cublaslt 13.0 (a/b)" : "x";
  if (about.has_dtype) m.dtype = rng.below(2) == 0 ? "bf16" : "fp8_block";
  if (about.has_kv_dtype) m.kv_dtype = rng.below(2) == 0 ? "fp16" : "fp8";
  if (about.has_load) m.load = rng.below(2) == 0 ? "power_law:1.01" : "one_hot";
  if (rng.below(2) == 0) m.cache = "cold";
  for (const std::string_view name : about.parameters) {
    const bool counted = name == "groups" || name == "experts" || name == "top_k";  // 65,536 at most.
    m.parameters[std::string(name)] = static_cast<std::int64_t>(rng.below(counted ? 1u << 16 : 1u << 31));
  }
  m.time_us = std::exp(20 * rng.uniform() - 5);
  if (rng.below(2) == 0) m.p10_us = m.time_us * 0.9;
  if (rng.below(2) == 0) m.p90_us = m.time_us * 1.1;
  return m;
}

TEST_CASE("measurements that are written are read back bit by bit", "[property][measurement]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 0);
    MeasurementSet set;
    set.about = {{"device", "H200"}, {"source", "here: and there, too"}};
    for (int i = 0; i < 20; ++i) set.rows.push_back(random_measurement(rng));
    const std::string text = measurements_csv(set);
    const MeasurementSet again = parse_measurements(text, "a.csv");
    CHECK(again.about == set.about);
    REQUIRE(again.rows.size() == set.rows.size());
    for (std::size_t i = 0; i < set.rows.size(); ++i) {
      CHECK(measurement_fields(again.rows[i]) == measurement_fields(set.rows[i]));
      CHECK(again.rows[i].time_us == set.rows[i].time_us);
      CHECK(again.rows[i].p90_us == set.rows[i].p90_us);
    }
    CHECK(measurements_csv(again) == text);
  }
}

TEST_CASE("measurements: columns may stand in any order, and blank lines and comments anywhere", "[measurement]") {
  const MeasurementSet set = parse_measurements(
      "\xEF\xBB\xBF# device: H100\r\n\r\ntime_us, n,k,m,dtype,library,kernel,ranks\r\n# licence: none\n"
      "2.5,3,2,1,fp8,x,gemm,\r\n",
      "a.csv");
  REQUIRE(set.rows.size() == 1);
  CHECK(set.rows[0].text() == "gemm fp8 m=1 n=3 k=2");
  CHECK(set.about.at("device") == "H100");
  CHECK(set.about.at("licence") == "none");
}

TEST_CASE("measurements: every mistake names its line and column", "[measurement]") {
  const std::string gemm = "kernel,library,dtype,m,n,k,time_us\n";
  const std::string grouped = "kernel,library,dtype,groups,rows,n,k,load,cache,time_us\n";
  struct Mistake {
    std::string text;
    std::string message;
  };
  for (const Mistake& mistake : std::vector<Mistake>{
           {"", "no header"},
           {"kernel,library,dtype,m,n,k,time\n", "a.csv:1: found column \"time\""},
           {"kernel,library,libary,time_us\n", "did you mean \"library\"?"},
           {"kernel,kernel,library,time_us\n", "column \"kernel\" twice"},
           {"kernel,library\n", "a header without \"time_us\""},
           {gemm + "gemm,x,bf16,1,2,3\n", "a.csv:2: found 6 fields, expected 7"},
           {gemm + "gem,x,bf16,1,2,3,4\n", "a.csv:2: found kernel \"gem\""},
           {gemm + "gemm,,bf16,1,2,3,4\n", "no library"},
           {gemm + "gemm,x,bf17,1,2,3,4\n", "dtype \"bf17\""},
           {gemm + "gemm,x,bf16,1.5,2,3,4\n", "\"1.5\", expected m from 0"},
           {gemm + "gemm,x,bf16,-1,2,3,4\n", "\"-1\", expected m from 0"},
           {gemm + "gemm,x,bf16,,2,3,4\n", "\"\", expected m from 0"},
           {gemm + "gemm,x,bf16,1,2,3,0\n", "found time_us 0"},
           {gemm + "gemm,x,bf16,1,2,3,nan\n", "\"nan\", expected time_us"},
           {gemm + "gemm,x,bf16,1,2,3,1e99\n", "\"1e99\", expected time_us"},
           {gemm + "copy,x,,1,,,4\n", "\"1\" under m, expected a blank: copy has no m"},
           {gemm + "copy,x,,,,,4\n", "no column bytes"},
           {gemm + "gemm,x,bf16,1,2,3,4\n\ngemm,x,bf16,1,2,x,4\n", "a.csv:4: "},
           {grouped + "grouped_gemm,x,bf16,2,6,8,8,,,4\n", "load \"\" of grouped_gemm"},
           {grouped + "grouped_gemm,x,bf16,2,6,8,8,zipf:-1,,4\n", "load \"zipf:-1\""},
           {grouped + "grouped_gemm,x,bf16,2,6,8,8,rows:3;3;0,,4\n", "a load of 3 groups, expected 2"},
           {grouped + "grouped_gemm,x,bf16,2,6,8,8,rows:3;4,,4\n", "a load of 7 rows, expected 6"},
           {grouped + "grouped_gemm,x,bf16,2,6,8,8,balanced,warm,4\n", "cache \"warm\""},
       }) {
    CAPTURE(mistake.text);
    CHECK_THROWS_WITH(parse_measurements(mistake.text, "a.csv"), ContainsSubstring(mistake.message));
    CHECK_THROWS_AS(parse_measurements(mistake.text, "a.csv"), InputError);
  }
}

}  // namespace
}  // namespace moesim
