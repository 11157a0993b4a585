#include "models/kernels/kernel_profile.hpp"

#include <fmt/format.h>

#include "models/kernels/attention_decode.hpp"
#include "models/kernels/attention_prefill.hpp"
#include "models/kernels/expert_model.hpp"
#include "models/kernels/gemm_model.hpp"
#include "models/kernels/mla_decode.hpp"
#include "models/kernels/row_model.hpp"

namespace moesim {

std::span<const KernelFamilyInfo> kernel_families() {
  static const std::vector<KernelFamilyInfo> kFamilies = {
      {"gemm", false, constant_infos(gemm_constants())},
      {"experts", false, constant_infos(expert_constants())},
      {"rows", false, constant_infos(row_constants())},
      {"attention_prefill", true, constant_infos(prefill_constants())},
      {"attention_decode_grouped", true, constant_infos(grouped_decode_constants())},
      {"attention_decode_per_head", true, constant_infos(per_head_decode_constants())},
      {"mla_prefill", true, constant_infos(prefill_constants())},
      {"mla_decode", true, constant_infos(mla_decode_constants())},
  };
  return kFamilies;
}

const KernelFamilyInfo* kernel_family(std::string_view name) {
  for (const KernelFamilyInfo& family : kernel_families()) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

double KernelFit::constant(std::string_view name) const {
  const auto found = constants.find(name);
  MOESIM_CHECK(found != constants.end(), "{} of {} without {}", family, library, name);
  return found->second;
}

std::optional<std::string> KernelFit::outside(std::span<const std::pair<std::string_view, double>> parameters) const {
  std::string text;
  for (const auto& [name, value] : parameters) {
    const auto range = ranges.find(name);
    if (range == ranges.end() || (value >= range->second.first && value <= range->second.second)) continue;
    text += fmt::format("{}{} from {:.6g} to {:.6g}, and is asked for {:.6g}", text.empty() ? "" : "; ", name,
                        range->second.first, range->second.second, value);
  }
  if (text.empty()) return std::nullopt;
  return fmt::format("{} in {} was measured for {}", family, precision, text);
}

const KernelFit* KernelProfile::find(std::string_view family, std::string_view precision,
                                     std::string_view library) const {
  for (const KernelFit& fit : fits) {
    if (fit.family == family && fit.precision == precision && (library.empty() || fit.library == library)) return &fit;
  }
  return nullptr;
}

std::string_view precision_name(DataType type, Fp8Scaling scaling) {
  switch (type) {
    case DataType::fp8:
      return scaling == Fp8Scaling::block ? "fp8_block" : "fp8";
    case DataType::bf16:
    case DataType::fp16:
      return "bf16";
    case DataType::fp32:
    case DataType::tf32:
    case DataType::int8:
    case DataType::fp4:
      return name(type);
  }
  return {};
}

}  // namespace moesim
