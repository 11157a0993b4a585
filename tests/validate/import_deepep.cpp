#include "tests/catch.hpp"
#include "tests/validate/imports.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("DeepEP: the best of a tuning, in each form of the line", "[import]") {
  ImportOptions options;
  options.values = {{"ranks", "16"}, {"experts", "256"}};
  const ImportResult result = import_one(data_file("deepep_internode.log"), options);
  const std::string shape = " ranks=16 tokens=4096 hidden=7168 experts=256 top_k=8 sms=";
  CHECK(rows_of(result) == Lines{"dispatch fp8_block" + shape + "24: 1391. us",
                                 "dispatch bf16" + shape + "24: 2606.4 us",
                                 "dispatch fp8_block" + shape + "24: 453.49 us",
                                 "combine bf16" + shape + "24: 2681. us", "combine bf16" + shape + "20: 442. us"});
  CHECK(left_out(result) == Lines{"deepep_internode.log:11: a bandwidth without a time",
                                  "deepep_internode.log:15: best of what: \"weather: SMs 24\""});
}

TEST_CASE("DeepEP: what its log does not say must be given", "[import]") {
  CHECK_THROWS_WITH(
      import_one(data_file("deepep_internode.log")),
      ContainsSubstring("deepep_internode.log:9: dispatch without ranks, experts; --set ranks=... says it"));
}

TEST_CASE("DeepEP low latency: the median over the ranks, also of lines that run together", "[import]") {
  ImportOptions options;
  options.values = {{"ranks", "8"}, {"experts", "288"}, {"tokens", "128"}, {"hidden", "7168"}, {"top_k", "8"}};
  const ImportResult result = import_one(data_file("deepep_low_latency.log"), options);
  const std::string shape = " ranks=8 tokens=128 hidden=7168 experts=288 top_k=8 sms=0: ";
  CHECK(rows_of(result) == Lines{"dispatch fp8_block" + shape + "98. us", "combine bf16" + shape + "169. us"});
  CHECK(result.set.rows.front().library == "deepep-low-latency");
  CHECK_THAT(*result.set.rows[0].p10_us, WithinAbs(96.4, 1e-9));  // 96, 98, 103: a fifth of the way to 98.
  CHECK_THAT(*result.set.rows[0].p90_us, WithinAbs(102, 1e-9));
  CHECK(left_out(result) ==
        Lines{"deepep_low_latency.log:5: combine without avg_t=... us",
              "deepep_low_latency.log:2: dispatch and combine in one time: 2 lines left out",
              "deepep_low_latency.log:6: the halves of sending and receiving, with a hook between: 2 lines left out"});
}

}  // namespace
}  // namespace moesim
