#pragma once

#include <memory>

#include "validate/kernel_family.hpp"

namespace moesim {

std::unique_ptr<KernelFitter> gemm_fitter();
std::unique_ptr<KernelFitter> expert_fitter();
std::unique_ptr<KernelFitter> row_fitter();
std::unique_ptr<KernelFitter> attention_prefill_fitter();
std::unique_ptr<KernelFitter> grouped_decode_fitter();
std::unique_ptr<KernelFitter> per_head_decode_fitter();
std::unique_ptr<KernelFitter> mla_prefill_fitter();
std::unique_ptr<KernelFitter> mla_decode_fitter();

}  // namespace moesim
