#include "scenarios/error.hpp"
#include "tests/catch.hpp"
#include "tests/validate/imports.hpp"
#include "validate/measurement_csv.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

ImportOptions foreign() {
  ImportOptions options;
  options.library = "trtllm";
  options.columns = {{"dtype", "gemm_dtype"}, {"time_us", "latency"}};
  options.values = {{"kernel", "gemm"}};
  options.unit = "ms";
  return options;
}

TEST_CASE("csv: a foreign table through --map, --set and --unit", "[import]") {
  const ImportResult result = import_one(data_file("ops_foreign.csv"), foreign());
  CHECK(rows_of(result) == Lines{"gemm bf16 m=128 n=7168 k=2048: 9.5 us", "gemm fp8_block m=1 n=7168 k=2048: 6.1 us"});
  const Lines left = left_out(result);
  REQUIRE(left.size() == 5);
  CHECK(left[0] == "ops_foreign.csv:1: columns that are not read: note");
  CHECK_THAT(left[1], ContainsSubstring("ops_foreign.csv:4: found dtype \"w4a16_mxfp4\", expected one of bf16"));
  CHECK_THAT(left[2], ContainsSubstring("ops_foreign.csv:5: found \"none\", expected time_us"));
  CHECK(left[3] == "ops_foreign.csv:6: 4 fields, and the header has 6");
  CHECK_THAT(left[4], ContainsSubstring("ops_foreign.csv:7: found \"-1\", expected m from 0"));
}

TEST_CASE("csv: other people's names of loads and kernels", "[import]") {
  const std::string head = "kernel,library,dtype,groups,rows,n,k,load,time_us\n";
  for (const auto& [theirs, ours] : {std::pair{"bal", "balanced"},
                                     {"uniform", "balanced"},
                                     {"pl1.01", "power_law:1.01"},
                                     {"power_law_1.2", "power_law:1.2"},
                                     {"zipf:0.5", "zipf:0.5"}}) {
    CAPTURE(theirs);
    const ImportResult result = import_text(head + "grouped_gemm,x,half,4,64,8,8," + theirs + ",5\n");
    CHECK(result.set.rows.at(0).load == ours);
    CHECK(result.set.rows.at(0).dtype == "fp16");
  }
  CHECK_THROWS_WITH(import_text(head + "grouped_gemm,x,half,4,64,8,8,pl1.01_eplb,5\n"),
                    ContainsSubstring("pl1.01_eplb"));
}

TEST_CASE("csv: our own tables come back as they are", "[import]") {
  const std::string text = "# device: H200\nkernel,library,dtype,m,n,k,time_us,p10_us\ngemm,x,bf16,1,2,3,4.25,4\n";
  ImportResult result = import_text(text);
  result.set.about.erase("imported from");
  // Columns in the order of measurement files.
  CHECK(measurements_csv(result.set) == text);
}

TEST_CASE("csv: a header that lacks what a row needs", "[import]") {
  CHECK_THROWS_WITH(import_text("m,n,k,latency\n1,2,3,4\n"), ContainsSubstring("a.txt:1: found the columns m, n, k"));
  ImportOptions options = foreign();
  options.columns["time_us"] = "latancy";
  CHECK_THROWS_WITH(import_one(data_file("ops_foreign.csv"), options), ContainsSubstring("did you mean \"latency\"?"));
  options = foreign();
  options.columns["time"] = "latency";
  CHECK_THROWS_WITH(import_one(data_file("ops_foreign.csv"), options), ContainsSubstring("--map"));
  options = foreign();
  options.library = "";
  CHECK_THROWS_WITH(import_one(data_file("ops_foreign.csv"), options), ContainsSubstring("--library"));
  options = foreign();
  options.values["time_us"] = "5";
  CHECK_THROWS_WITH(import_one(data_file("ops_foreign.csv"), options), ContainsSubstring("--set"));
  options = foreign();
  options.unit = "ns";
  CHECK_THROWS_WITH(import_one(data_file("ops_foreign.csv"), options), ContainsSubstring("us, ms or s"));
}

TEST_CASE("import: texts of no form, and files that do not fit each other", "[import]") {
  CHECK_THROWS_WITH(import_text(""), ContainsSubstring("empty"));
  CHECK_THROWS_WITH(import_text(std::string("\x7f"
                                            "ELF\0\0,\n",
                                            8)),
                    ContainsSubstring("no known form"));
  CHECK_THROWS_WITH(import_text("\x1f\x8b\x08"), ContainsSubstring("gunzip"));
  ImportOptions options;
  options.format = "nccl";
  CHECK_THROWS_WITH(import_text("a,b\n", options), ContainsSubstring("did you mean \"nccl-tests\"?"));
  options.format = "deepep";
  CHECK_THROWS_WITH(import_text("a,b\n", options), ContainsSubstring("a.txt: no measurement"));

  const TemporaryFolder folder;
  const std::string head = "kernel,library,bytes,time_us\n";
  const std::vector<std::string> files = {folder.write("a.csv", "# device: H100\n" + head + "copy,x,1,2\n"),
                                          folder.write("b.csv", "# device: H200\n" + head + "copy,x,1,2\n")};
  CHECK_THROWS_WITH(import_measurements(files, {}), ContainsSubstring("device H200"));
  options = {};
  options.device = "H200";
  const ImportResult result = import_measurements(files, options);
  CHECK(result.set.rows.size() == 2);
  CHECK(result.set.about.at("imported from") == "a.csv (csv); b.csv (csv)");
}

TEST_CASE("import: twenty lines are named, then a count", "[import]") {
  const std::vector<SkippedLine> skipped(25, SkippedLine{"a.txt:1", "no\x1bthing"});
  const std::vector<std::string> lines = skipped_lines(skipped);
  REQUIRE(lines.size() == 21);
  CHECK(lines.front() == "a.txt:1: no\\x1bthing");
  CHECK(lines.back() == "and 5 more");
}

}  // namespace
}  // namespace moesim
