#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// What a row of a measurement file timed. docs/models/calibration.md tells what each one does.
enum class MeasuredKernel {
  gemm,
  grouped_gemm,
  moe,  // One rank's experts: permutation, two grouped products, activation, un-permutation.
  attention_prefill,
  attention_decode,
  mla_prefill,
  mla_decode,
  gate_softmax,
  gate_group_limited,
  permute,
  unpermute,
  histogram,
  swiglu,
  swiglu_quantize,
  copy,
  triad,
  contention,  // A grouped product beside a kernel that holds SMs or streams memory.
  all_to_all,
  all_reduce,
  all_gather,
  reduce_scatter,
  send_recv,  // Each rank to the next one of a ring.
  dispatch,
  combine,
};

// A kernel's name in files, and the columns that say what was timed. All of them must be there.
struct MeasuredKernelInfo {
  MeasuredKernel kernel;
  std::string_view name;
  std::vector<std::string_view> parameters;  // Integers of at least 0.
  bool has_dtype = true;
  bool has_kv_dtype = false;
  bool has_load = false;  // How rows fall on groups or experts.
};
std::span<const MeasuredKernelInfo> measured_kernels();  // In the order of the enumeration.
const MeasuredKernelInfo& info(MeasuredKernel kernel);
std::optional<MeasuredKernel> measured_kernel(std::string_view name);

// One timed kernel: what ran, on what shape, for how long.
struct Measurement {
  MeasuredKernel kernel = MeasuredKernel::gemm;
  std::string library;   // What ran it: "trtllm-cutlass", "cublaslt", "nccl".
  std::string dtype;     // bf16, fp16, fp32, fp8 (one scale a tensor), fp8_block (one scale for 128), or empty.
  std::string kv_dtype;  // Of cached keys and values, or empty.
  std::map<std::string, std::int64_t, std::less<>> parameters;  // Those of MeasuredKernelInfo.
  std::string load;     // "balanced", "zipf:1", "power_law:1.01", "one_hot", "rows:3;0;5", or empty.
  std::string cache;    // "cold", "hot", or empty where it is not known.
  std::string suspect;  // Why the row should not be trusted, or empty. It is not fitted, and judged apart.
  double time_us = 0;   // Median, above 0.
  std::optional<double> p10_us = std::nullopt;
  std::optional<double> p90_us = std::nullopt;

  std::int64_t parameter(std::string_view name) const;  // One that the kernel has.
  // What was timed in words: "gemm bf16 m=128 n=7168 k=2048".
  std::string text() const;
};

// A file of measurements: who measured what, and the rows.
struct MeasurementSet {
  std::map<std::string, std::string> about;  // "device", "source", "licence", ...
  std::vector<Measurement> rows;
};

// A place of an input that could not be used, and why.
struct SkippedLine {
  std::string place;  // "nccl.txt:17"
  std::string reason;
};

}  // namespace moesim
