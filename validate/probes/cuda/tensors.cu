#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include "validate/probes/cuda/tensors.hpp"
#include "validate/probes/host/bench.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 1 << 16;

unsigned blocks_for(std::int64_t size) {
  return static_cast<unsigned>(std::clamp<std::int64_t>((size + kThreads - 1) / kThreads, 1, kMostBlocks));
}

__device__ std::int64_t first_index() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ std::int64_t stride() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

__global__ void fill_bf16_kernel(Bf16* out, std::int64_t size, std::uint64_t seed, float factor) {
  for (std::int64_t i = first_index(); i < size; i += stride()) {
    out[i] = __float2bfloat16_rn(random_bf16(seed, static_cast<std::uint64_t>(i)) * factor);
  }
}

__global__ void fill_fp8_kernel(Fp8* out, std::int64_t size, std::uint64_t seed) {
  for (std::int64_t i = first_index(); i < size; i += stride()) {
    out[i] = Fp8(random_fp8(seed, static_cast<std::uint64_t>(i)));
  }
}

__global__ void fill_float_kernel(float* out, std::int64_t size, std::uint64_t seed, bool scales) {
  for (std::int64_t i = first_index(); i < size; i += stride()) {
    const auto index = static_cast<std::uint64_t>(i);
    out[i] = scales ? random_scale(seed, index) : random_bf16(seed, index);
  }
}

template <class Word>
__global__ void count_kernel(const Word* words, std::int64_t size, unsigned long long* found) {
  unsigned long long mine = 0;
  for (std::int64_t i = first_index(); i < size; i += stride()) mine += words[i] == static_cast<Word>(~Word{0}) ? 1 : 0;
  if (mine != 0) atomicAdd(found, mine);
}

void fill_floats(const Buffer<float>& buffer, std::uint64_t seed, bool scales, cudaStream_t stream) {
  if (buffer.size() == 0) return;
  fill_float_kernel<<<blocks_for(buffer.size()), kThreads, 0, stream>>>(buffer.data(), buffer.size(), seed, scales);
  MOESIM_LAUNCHED();
}

std::string place(const char* file, int line, const char* call) {
  return std::string(" (") + file + ":" + std::to_string(line) + ": " + call + ")";
}

// Errors after which the context is of no use: all that is asked of it fails with the same error.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

void cuda_failed(cudaError_t error, const char* call, const char* file, int line) {
  const std::string message =
      std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error) + place(file, line, call);
  (void)cudaGetLastError();  // Forget it, if that can be done.
  if (error == cudaErrorMemoryAllocation) throw OutOfMemory(message);
  if (is_sticky(error)) throw DeviceLost(message);
  throw std::runtime_error(message);
}

void cublas_failed(cublasStatus_t status, const char* call, const char* file, int line) {
  const std::string message = std::string(cublasGetStatusString(status)) + place(file, line, call);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH) throw Unsupported(message);
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(message);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) cuda_failed(error, call, file, line);
  throw std::runtime_error(message);
}

void fill(const Buffer<Bf16>& buffer, std::uint64_t seed, int exponent, cudaStream_t stream) {
  if (buffer.size() == 0) return;
  const float factor = std::ldexp(1.0F, exponent);
  fill_bf16_kernel<<<blocks_for(buffer.size()), kThreads, 0, stream>>>(buffer.data(), buffer.size(), seed, factor);
  MOESIM_LAUNCHED();
}

void fill(const Buffer<Fp8>& buffer, std::uint64_t seed, cudaStream_t stream) {
  if (buffer.size() == 0) return;
  fill_fp8_kernel<<<blocks_for(buffer.size()), kThreads, 0, stream>>>(buffer.data(), buffer.size(), seed);
  MOESIM_LAUNCHED();
}

void fill(const Buffer<float>& buffer, std::uint64_t seed, cudaStream_t stream) {
  fill_floats(buffer, seed, false, stream);
}

void fill_scales(const Buffer<float>& buffer, std::uint64_t seed, cudaStream_t stream) {
  fill_floats(buffer, seed, true, stream);
}

std::int64_t poisoned_words(const void* data, std::int64_t words, int word_bytes, cudaStream_t stream) {
  if (words == 0) return 0;
  Buffer<unsigned long long> found(1);
  MOESIM_CUDA(cudaMemsetAsync(found.data(), 0, found.bytes(), stream));
  const unsigned blocks = blocks_for(words);
  if (word_bytes == 1) {
    count_kernel<<<blocks, kThreads, 0, stream>>>(static_cast<const std::uint8_t*>(data), words, found.data());
  } else if (word_bytes == 2) {
    count_kernel<<<blocks, kThreads, 0, stream>>>(static_cast<const std::uint16_t*>(data), words, found.data());
  } else if (word_bytes == 4) {
    count_kernel<<<blocks, kThreads, 0, stream>>>(static_cast<const std::uint32_t*>(data), words, found.data());
  } else {
    throw std::logic_error("poison in words of 1, 2 or 4 bytes");
  }
  MOESIM_LAUNCHED();
  MOESIM_CUDA(cudaStreamSynchronize(stream));
  return static_cast<std::int64_t>(found.download()[0]);
}

std::vector<double> bf16_row(const Buffer<Bf16>& buffer, std::int64_t from, std::int64_t count) {
  std::vector<double> row;
  for (const Bf16 value : buffer.download(from, count)) row.push_back(bf16_value(std::bit_cast<std::uint16_t>(value)));
  return row;
}

}  // namespace moesim::probe
