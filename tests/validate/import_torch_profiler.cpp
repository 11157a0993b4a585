#include "scenarios/error.hpp"
#include "scenarios/text_file.hpp"
#include "tests/catch.hpp"
#include "tests/validate/imports.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("profiler: products by the shapes of their operators, copies, collectives", "[import]") {
  const ImportResult result = import_one(data_file("trace.json"));
  // The second 4096 x 7168 x 4096 took two kernels, 120 us; the median of 100 and 120 is 110.
  CHECK(rows_of(result) == Lines{"copy bytes=2097152: 20. us", "all_gather ranks=8 bytes=16384: 55. us",
                                 "gemm bf16 m=4096 n=4096 k=7168: 110. us", "gemm tf32 m=64 n=512 k=256: 8.5 us",
                                 "gemm fp8_block m=128 n=256 k=512: 6.25 us"});
  CHECK_THAT(*result.set.rows[2].p10_us, WithinAbs(102, 1e-9));
  CHECK_THAT(*result.set.rows[2].p90_us, WithinAbs(118, 1e-9));
  CHECK_FALSE(result.set.rows[3].p10_us);
  CHECK(result.set.about.at("device") == "NVIDIA H100 80GB HBM3");
}

TEST_CASE("profiler: what is left out, the longest first", "[import]") {
  CHECK(left_out(import_one(data_file("trace.json"))) ==
        Lines{"trace.json: grouped_gemm without load; --set load=... says it",
              "trace.json: 1 x ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>), 75.0 us in all: all_to_all "
              "with uneven splits",
              "trace.json: 1 x elementwise_kernel, 40.0 us in all: of no operator with a shape",
              "trace.json: 1 x sm90_fp8_rowwise, 6.5 us in all: scales that are neither one a tensor nor one for 128",
              "trace.json: 1 x Memcpy HtoD (Pinned -> Device), 3.0 us in all: of no operator with a shape"});
}

TEST_CASE("profiler: a grouped product once its load is given", "[import]") {
  ImportOptions options;
  options.values = {{"load", "balanced"}};
  const Lines rows = rows_of(import_one(data_file("trace.json"), options));
  CHECK(rows.back() == "grouped_gemm bf16 groups=16 rows=1024 n=256 k=512 balanced: 12. us");
  CHECK(rows.size() == 6);
}

TEST_CASE("profiler: a trace that breaks off anywhere is read up to there", "[import]") {
  const std::string whole = read_text_file(data_file("trace.json"));
  std::size_t most = 0;
  for (std::size_t length = 0; length < whole.size() - 2; length += 41) {
    CAPTURE(length);
    try {
      const ImportResult result = import_text(whole.substr(0, length));
      CHECK_THAT(left_out(result).front(), ContainsSubstring("the trace ends too early"));
      most = std::max(most, result.set.rows.size());
    } catch (const InputError&) {
      CHECK(most == 0);
    }
  }
  CHECK(most == 5);
}

TEST_CASE("profiler: text that is no JSON is named by its line", "[import]") {
  std::string text = read_text_file(data_file("trace.json"));
  text.replace(text.find("{\"ph\": \"X\", \"cat\": \"gpu_memcpy\""), 2, "oh");
  const Lines left = left_out(import_text(text, {}, "t.json"));
  CHECK(left.front() == "t.json:25: no JSON from here on");
}

TEST_CASE("profiler: strange events do no harm", "[import]") {
  const std::vector<std::string> strange = {
      "7",
      "[]",
      "null",
      "{}",
      R"({"ph": 1})",
      R"({"ph": "X", "cat": "kernel", "name": 5, "dur": "x", "args": []})",
      R"({"ph": "X", "cat": "cpu_op", "name": "aten::mm", "args": {"External id": 1, "Input Dims": 3}})",
      R"({"ph": "X", "cat": "cpu_op", "name": "aten::mm", "args":
          {"External id": 1, "Input Dims": [[1], [-1, 2]], "Input type": [1]}})",
      R"({"ph": "X", "cat": "kernel", "name": "n", "dur": 1, "args": {"Collective name": 3, "Group size": -1}})"};
  for (const std::string& event : strange) {
    CAPTURE(event);
    const std::string kernel = R"({"ph": "X", "cat": "kernel", "name": "k", "dur": 1, "args": {"External id": 1}})";
    CHECK_THROWS_AS(import_text(R"({"traceEvents": [)" + event + ", " + kernel + "]}"), InputError);
  }
}

TEST_CASE("profiler: the array alone, and keys as old traces have them", "[import]") {
  const std::string text = R"([
    {"ph": "X", "cat": "Operator", "name": "aten::linear", "args":
      {"External id": "4", "Input dims": [[2, 3, 8], [5, 8], [5]], "Input Type": ["c10::Half", "c10::Half"]}},
    {"ph": "X", "cat": "Kernel", "name": "hgemm", "dur": 3, "args": {"external id": 4}}])";
  CHECK(rows_of(import_text(text)) == Lines{"gemm fp16 m=6 n=5 k=8: 3. us"});
}

}  // namespace
}  // namespace moesim
