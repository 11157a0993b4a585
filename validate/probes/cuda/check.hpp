#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

namespace moesim::probe {

// Throw OutOfMemory, DeviceLost or std::runtime_error, with the call and the error's own words.
[[noreturn]] void cuda_failed(cudaError_t error, const char* call, const char* file, int line);
[[noreturn]] void cublas_failed(cublasStatus_t status, const char* call, const char* file, int line);

}  // namespace moesim::probe

#define MOESIM_CUDA(call)                                                    \
  do {                                                                       \
    const cudaError_t moesim_error = (call);                                 \
    if (moesim_error != cudaSuccess) {                                       \
      ::moesim::probe::cuda_failed(moesim_error, #call, __FILE__, __LINE__); \
    }                                                                        \
  } while (false)

#define MOESIM_CUBLAS(call)                                                     \
  do {                                                                          \
    const cublasStatus_t moesim_status = (call);                                \
    if (moesim_status != CUBLAS_STATUS_SUCCESS) {                               \
      ::moesim::probe::cublas_failed(moesim_status, #call, __FILE__, __LINE__); \
    }                                                                           \
  } while (false)

// After every <<<>>>: a bad launch says nothing by itself.
#define MOESIM_LAUNCHED() MOESIM_CUDA(cudaGetLastError())
