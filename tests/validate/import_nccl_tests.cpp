#include "scenarios/error.hpp"
#include "scenarios/text_file.hpp"
#include "tests/catch.hpp"
#include "tests/validate/imports.hpp"

namespace moesim {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("nccl-tests: the time out of place, of right results", "[import]") {
  const ImportResult result = import_one(data_file("nccl_all_to_all.txt"));
  CHECK(rows_of(result) == Lines{"all_to_all ranks=4 bytes=4096: 12.84 us", "all_to_all ranks=4 bytes=16384: 13.05 us",
                                 "all_to_all ranks=4 bytes=16777216: 102.7 us"});
  CHECK(result.set.rows.front().library == "nccl");
  CHECK(result.set.about.at("device") == "NVIDIA H100 80GB HBM3");
  CHECK(left_out(result) == Lines{"nccl_all_to_all.txt:14: 0 bytes", "nccl_all_to_all.txt:18: time \"oops\"",
                                  "nccl_all_to_all.txt:19: #wrong is 3: the result is not right",
                                  "nccl_all_to_all.txt:20: 8 columns, and the header has 13",
                                  "nccl_all_to_all.txt:22: no row of the table: \"Segmentation fault of nobody's "
                                  "program\""});
}

TEST_CASE("nccl-tests: runs one behind the other, printed by mpirun", "[import]") {
  const ImportResult result = import_one(data_file("nccl_two_runs_mpirun.txt"));
  CHECK(rows_of(result) ==
        Lines{"all_reduce ranks=2 bytes=1048576: 105.9 us", "all_reduce ranks=2 bytes=2097152: 142.1 us"});
  CHECK(left_out(result) == Lines{"nccl_two_runs_mpirun.txt:19: measurement files have no broadcast_perf"});
}

constexpr const char* kBare = R"(#       size   count   type   redop    root     time   algbw   busbw #wrong
#        (B)                                     (UNIT)  (GB/s)  (GB/s)
       65536   16384  float     sum      -1     2.5    1.0     1.0       0
)";

std::string bare(const std::string& unit) {
  std::string text = kBare;
  return text.replace(text.find("UNIT"), 4, unit);
}

TEST_CASE("nccl-tests: what a table does not say can be given", "[import]") {
  CHECK_THROWS_WITH(import_text(bare("us")), ContainsSubstring("a.txt:3: nothing says which collective this is"));
  ImportOptions options;
  options.values = {{"kernel", "all_reduce"}};
  CHECK_THROWS_WITH(import_text(bare("us"), options), ContainsSubstring("a.txt:3: all_reduce without ranks; --set"));
  options.values["ranks"] = "16";
  CHECK(rows_of(import_text(bare("us"), options)) == Lines{"all_reduce ranks=16 bytes=65536: 2.5 us"});
  CHECK(rows_of(import_text("# nThread 1 nGpus 1 nRanks 4\n# Collective test starting: all_gather_perf\n" +
                            bare("us"))) == Lines{"all_gather ranks=4 bytes=65536: 2.5 us"});
  // Processes of mpirun have GPUs of their own: without lines of ranks their number is not known.
  CHECK_THROWS_WITH(import_text("# nThread 1 nGpus 8\n# Collective test starting: all_gather_perf\n" + bare("us")),
                    ContainsSubstring("without ranks"));
  options.values["hidden"] = "7168";
  CHECK_THROWS_WITH(import_text(bare("us"), options), ContainsSubstring("no row whose kernel has it"));
}

TEST_CASE("nccl-tests: the header's unit counts, and --unit is refused", "[import]") {
  ImportOptions options;
  options.values = {{"kernel", "alltoall"}, {"ranks", "8"}};
  CHECK(rows_of(import_text(bare("ms"), options)) == Lines{"all_to_all ranks=8 bytes=65536: 2500. us"});
  options.unit = "ms";
  CHECK_THROWS_WITH(import_text(bare("us"), options), ContainsSubstring("--unit"));
}

TEST_CASE("nccl-tests: what contradicts --set is left out", "[import]") {
  ImportOptions options;
  options.values = {{"ranks", "8"}};
  CHECK_THROWS_WITH(import_one(data_file("nccl_all_to_all.txt"), options),
                    ContainsSubstring("it says ranks 4, and --set says 8"));
}

TEST_CASE("nccl-tests: one rank, no ranks, and a table cut anywhere", "[import]") {
  CHECK_THROWS_WITH(
      import_text("# nThread 1 nGpus 1\n#  Rank  0 Group  0 Pid 1 on a device 0 [0x1] GPU\nalltoall_perf\n" +
                  bare("us")),
      ContainsSubstring("one rank alone"));
  const std::string whole = read_text_file(data_file("nccl_all_to_all.txt"));
  std::size_t most = 0;
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    CAPTURE(length);
    try {
      const ImportResult result = import_text(whole.substr(0, length));
      CHECK(result.set.rows.size() >= most);
      most = result.set.rows.size();
    } catch (const InputError&) {
      CHECK(most == 0);
    }
  }
  CHECK(most == 3);
}

}  // namespace
}  // namespace moesim
