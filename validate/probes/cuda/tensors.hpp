#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include "validate/probe_file.hpp"
#include "validate/probes/cuda/check.hpp"

namespace moesim::probe {

// Device memory of one tensor, not set to anything.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t size) : size_(size) {
    if (size > 0) MOESIM_CUDA(cudaMalloc(&data_, static_cast<std::size_t>(size) * sizeof(T)));
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

  // Both return when the copy is done. They do not wait for the device's stream: that must have been done before.
  void upload(std::span<const T> values) {
    MOESIM_CUDA(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
    MOESIM_CUDA(cudaStreamSynchronize(nullptr));  // A small copy from pageable memory returns before it has arrived.
  }
  std::vector<T> download(std::int64_t from, std::int64_t count) const {
    std::vector<T> values(static_cast<std::size_t>(count));
    MOESIM_CUDA(cudaMemcpy(values.data(), data_ + from, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }
  std::vector<T> download() const { return download(0, size_); }

 private:
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

using Bf16 = __nv_bfloat16;
using Fp8 = __nv_fp8_e4m3;

// Fill with the numbers of random_input.hpp, times 2^exponent where one is given, on the stream.
void fill(const Buffer<Bf16>& buffer, std::uint64_t seed, int exponent, cudaStream_t stream);
void fill(const Buffer<Fp8>& buffer, std::uint64_t seed, cudaStream_t stream);
void fill(const Buffer<float>& buffer, std::uint64_t seed, cudaStream_t stream);         // random_bf16
void fill_scales(const Buffer<float>& buffer, std::uint64_t seed, cudaStream_t stream);  // random_scale

// Poison is a pattern of ones: a NaN in every float type, -1 as an integer. No right output holds it.
template <class T>
void poison(const Buffer<T>& buffer, cudaStream_t stream) {
  if (buffer.size() > 0) MOESIM_CUDA(cudaMemsetAsync(buffer.data(), 0xff, buffer.bytes(), stream));
}
// How many words of `word_bytes` (1, 2 or 4) still hold poison. Waits for the stream.
std::int64_t poisoned_words(const void* data, std::int64_t words, int word_bytes, cudaStream_t stream);
template <class T>
ProbeCheck all_written(const Buffer<T>& buffer, cudaStream_t stream) {
  return {static_cast<double>(poisoned_words(buffer.data(), buffer.size(), sizeof(T), stream)), 0};
}

// Output rows of bfloat16 as numbers.
std::vector<double> bf16_row(const Buffer<Bf16>& buffer, std::int64_t from, std::int64_t count);

}  // namespace moesim::probe
