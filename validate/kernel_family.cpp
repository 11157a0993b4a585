#include "validate/kernel_family.hpp"

#include "sim/check.hpp"
#include "validate/families/families.hpp"

namespace moesim {

std::vector<std::pair<std::string_view, double>> KernelFitter::fixed(const Device&, std::string_view,
                                                                     std::string_view) const {
  return {};
}

std::vector<std::pair<std::string_view, double>> KernelFitter::starts(std::string_view, std::string_view) const {
  return {};
}

std::span<const std::unique_ptr<KernelFitter>> kernel_fitters() {
  static const std::vector<std::unique_ptr<KernelFitter>> kFitters = [] {
    std::vector<std::unique_ptr<KernelFitter>> fitters;
    fitters.push_back(gemm_fitter());
    fitters.push_back(expert_fitter());
    fitters.push_back(row_fitter());
    fitters.push_back(attention_prefill_fitter());
    fitters.push_back(grouped_decode_fitter());
    fitters.push_back(per_head_decode_fitter());
    fitters.push_back(mla_prefill_fitter());
    fitters.push_back(mla_decode_fitter());
    return fitters;
  }();
  return kFitters;
}

DataType measured_type(std::string_view dtype) {
  const auto type = data_type(dtype == "fp8_block" ? "fp8" : dtype);
  MOESIM_CHECK(type.has_value(), "measured in {}", dtype);
  return *type;
}

}  // namespace moesim
