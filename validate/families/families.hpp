#pragma once

#include <memory>

#include "validate/kernel_family.hpp"

namespace moesim {

std::unique_ptr<KernelFitter> gemm_fitter();
std::unique_ptr<KernelFitter> expert_fitter();

}  // namespace moesim
