#pragma once

#include "models/kernels/kernel_model.hpp"

namespace moesim {

// H800 SXM (arXiv:2505.09343; NVIDIA's H100 data sheet for what both share).
inline Device h800() {
  return {.name = "H800",
          .peak = {{DataType::fp8, FlopRate::tflop_per_s(1979)}, {DataType::bf16, FlopRate::tflop_per_s(989)}},
          .memory = Bandwidth::gbyte_per_s(3350),
          .memory_capacity = {80'000'000'000},
          .multiprocessors = 132};
}

// A device of round numbers: 100 multiprocessors of 1 TFLOP/s, 1 TB/s.
inline Device round_device() {
  return {.name = "round",
          .peak = {{DataType::bf16, FlopRate::tflop_per_s(100)}},
          .memory = Bandwidth::gbyte_per_s(1000),
          .memory_capacity = {1'000'000'000},
          .multiprocessors = 100};
}

inline KernelEfficiencies ideal() {
  return {.gemm_compute_wide = 1, .gemm_compute_narrow = 1, .memory_stream = 1, .memory_scatter = 1, .launch_us = 0};
}

// Times are rounded up to whole picoseconds.
inline constexpr double kRoundingUs = 2e-6;

}  // namespace moesim
