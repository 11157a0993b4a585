#include "validate/measurement.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {

std::span<const MeasuredKernelInfo> measured_kernels() {
  using enum MeasuredKernel;
  static const std::array<MeasuredKernelInfo, 24> kKernels{{
      {gemm, "gemm", {"m", "n", "k"}},
      {grouped_gemm, "grouped_gemm", {"groups", "rows", "n", "k"}, true, false, true},
      {moe, "moe", {"tokens", "hidden", "width", "top_k", "experts", "ep", "tp", "matrices"}, true, false, true},
      {attention_prefill,
       "attention_prefill",
       {"batch", "tokens", "context", "heads", "kv_heads", "head_dim"},
       true,
       true},
      {attention_decode, "attention_decode", {"batch", "context", "heads", "kv_heads", "head_dim"}, true, true},
      {mla_prefill, "mla_prefill", {"batch", "tokens", "context", "heads"}, true, true},
      {mla_decode, "mla_decode", {"batch", "context", "heads"}, true, true},
      {gate_softmax, "gate_softmax", {"tokens", "hidden", "experts", "top_k"}},
      {gate_group_limited, "gate_group_limited", {"tokens", "hidden", "experts", "top_k", "groups", "groups_kept"}},
      {permute, "permute", {"tokens", "hidden", "experts", "top_k"}, true, false, true},
      {unpermute, "unpermute", {"tokens", "hidden", "experts", "top_k"}, true, false, true},
      {histogram, "histogram", {"tokens", "experts", "top_k"}, false, false, true},
      {swiglu, "swiglu", {"rows", "width"}},
      {swiglu_quantize, "swiglu_quantize", {"rows", "width"}},
      {copy, "copy", {"bytes"}, false},
      {triad, "triad", {"bytes"}, false},
      {contention, "contention", {"groups", "rows", "n", "k", "sms_held", "stream_gb_per_s"}, true, false, true},
      {all_to_all, "all_to_all", {"ranks", "bytes"}, false},
      {all_reduce, "all_reduce", {"ranks", "bytes"}, false},
      {all_gather, "all_gather", {"ranks", "bytes"}, false},
      {reduce_scatter, "reduce_scatter", {"ranks", "bytes"}, false},
      {send_recv, "send_recv", {"ranks", "bytes"}, false},
      {dispatch, "dispatch", {"ranks", "tokens", "hidden", "experts", "top_k", "sms"}},
      {combine, "combine", {"ranks", "tokens", "hidden", "experts", "top_k", "sms"}},
  }};
  return kKernels;
}

const MeasuredKernelInfo& info(MeasuredKernel kernel) {
  const MeasuredKernelInfo& found = measured_kernels()[static_cast<std::size_t>(kernel)];
  MOESIM_CHECK(found.kernel == kernel, "measured_kernels() is out of order at {}", found.name);
  return found;
}

std::optional<MeasuredKernel> measured_kernel(std::string_view name) {
  for (const MeasuredKernelInfo& kernel : measured_kernels()) {
    if (kernel.name == name) return kernel.kernel;
  }
  return std::nullopt;
}

std::int64_t Measurement::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  MOESIM_CHECK(found != parameters.end(), "{} without {}", info(kernel).name, name);
  return found->second;
}

std::string Measurement::text() const {
  std::string words(info(kernel).name);
  if (!dtype.empty()) words += " " + dtype;
  if (!kv_dtype.empty() && kv_dtype != dtype) words += " kv " + kv_dtype;
  for (const std::string_view name : info(kernel).parameters) words += fmt::format(" {}={}", name, parameter(name));
  if (!load.empty()) words += " " + load;
  if (!cache.empty()) words += " " + cache;
  return words;
}

}  // namespace moesim
