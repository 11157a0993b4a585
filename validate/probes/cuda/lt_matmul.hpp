#pragma once

#include <cstdint>
#include <string>

#include <cublasLt.h>

#include "validate/probes/cuda/device.hpp"

namespace moesim::probe {

// Scales of FP8 operands, on the device. "fp8": one float each. "fp8_block": of the weights one for 128 x 128, of the
// activations one for 128 numbers of a row, in the layouts below.
struct Fp8Scales {
  const float* weights = nullptr;
  const float* rows = nullptr;
};

// Blocks of 128 in k, and the stride of the weights' scales: cuBLASLt wants it a multiple of 4.
std::int64_t scale_blocks(std::int64_t k);
std::int64_t weight_scale_stride(std::int64_t k);
// Scale of weights block (n block, k block): [n_block * weight_scale_stride(k) + k_block].
// Scale of row r, block b: [b * rows + r].

// out[rows, n] = x[rows, k] w[n, k]^T, all row-major, by cublasLtMatmul's first heuristic choice. FP8 (E4M3) operands
// need the inner dimension of both contiguous, which these are, and n and k multiples of 16; the output is BF16.
class LtMatmul {
 public:
  // `dtype` is bf16, fp8 or fp8_block; pointers will be multiples of `alignment` bytes. Unsupported if the library has
  // nothing for the shape. `sms`: how many SMs the library is told that it has; the device's own, unless it shares
  // them.
  LtMatmul(const Device& device, const std::string& dtype, std::int64_t rows, std::int64_t n, std::int64_t k,
           Fp8Scales scales, unsigned alignment, int sms);
  ~LtMatmul();
  LtMatmul(const LtMatmul&) = delete;
  LtMatmul& operator=(const LtMatmul&) = delete;

  void queue(const void* x, const void* w, Bf16* out) const;

 private:
  void describe(const std::string& dtype, Fp8Scales scales, int sms);
  void choose(unsigned alignment);
  void destroy();

  const Device& device_;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t w_ = nullptr;
  cublasLtMatrixLayout_t x_ = nullptr;
  cublasLtMatrixLayout_t out_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace moesim::probe
