#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moesim::probe {

struct Options {
  bool help = false;
  bool list = false;
  bool quick = false;
  std::string output = "moesim-probe.json";
  std::optional<std::string> only;    // A family.
  std::optional<std::string> finish;  // A journal to make a file of.
  std::int64_t seed = 1;
  int device = 0;
};

inline constexpr std::string_view kUsage =
    R"(moesim-probe: times MoE kernels on this machine's GPU and writes a file that moesim calibrate reads.

  --quick            the most telling points, under a minute (without it: up to nine minutes)
  --output PATH      the file to write (default moesim-probe.json)
  --only FAMILY      gate, permutation, activation, grouped_gemm, gemm, memory, contention or collective
  --seed N           of the random inputs and of the order (default 1)
  --device N         which GPU (default 0)
  --list             what would be measured, without a GPU
  --finish JOURNAL   makes the file of a run that was killed, from its PATH.partial
  --help

Ctrl-C writes what there is. Exit codes: 0 done, 1 an error or a kernel whose output is wrong, 2 a mistake in the
options, 77 no GPU, 130 interrupted.
)";

// The arguments after the program's name. An InputError names what is wrong.
Options parse_options(std::span<const std::string> arguments);

}  // namespace moesim::probe
