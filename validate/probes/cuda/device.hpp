#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <cublasLt.h>
#include <cublas_v2.h>

#include "validate/probe_file.hpp"
#include "validate/probes/cuda/tensors.hpp"
#include "validate/probes/cuda/timing.hpp"
#include "validate/probes/host/bench.hpp"

namespace moesim::probe {

// The device that is measured, and what all families share on it: one stream, the libraries' handles, the timer.
class Device {
 public:
  explicit Device(int ordinal);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int ordinal() const { return ordinal_; }
  int sms() const { return sms_; }
  int compute_capability() const { return compute_capability_; }  // 90 for 9.0
  cudaStream_t stream() const { return stream_; }
  cublasHandle_t cublas() const { return cublas_; }
  cublasLtHandle_t cublas_lt() const { return lt_; }
  const Buffer<char>& workspace() const { return workspace_; }
  Timer& timer() { return *timer_; }
  void wait() const { MOESIM_CUDA(cudaStreamSynchronize(stream_)); }

 private:
  int ordinal_;
  int sms_ = 0;
  int compute_capability_ = 0;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
  cublasLtHandle_t lt_ = nullptr;
  Buffer<char> workspace_;
  std::unique_ptr<Timer> timer_;
};

// Work that is some launches on the device's stream.
class StreamWork : public Work {
 public:
  explicit StreamWork(Device& device) : device_(device) {}
  std::vector<Sample> sample(std::string_view cache, int count, int launches) override {
    const std::function<void()> one = [this] { launch(); };
    if (!queue_us_) queue_us_ = device_.timer().queue_us(one);
    return device_.timer().sample(one, *queue_us_, cache, count, launches);
  }
  virtual void launch() = 0;  // Only queues.

 protected:
  Device& device_;

 private:
  std::optional<double> queue_us_;
};

// One factory a family. They throw Unsupported, OutOfMemory or what else went wrong.
std::unique_ptr<Work> make_gate(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<Work> make_permutation(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<Work> make_activation(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<StreamWork> make_grouped_gemm(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<StreamWork> make_grouped_fp8(Device& device, const PlannedPoint& point, std::uint64_t seed);
// Also the product of `contention` by cuBLASLt: one group, told of the SMs that the holder leaves.
std::unique_ptr<StreamWork> make_gemm(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<Work> make_memory(Device& device, const PlannedPoint& point, std::uint64_t seed);
std::unique_ptr<Work> make_contention(Device& device, const PlannedPoint& point, std::uint64_t seed);

// Communicators between all devices of the process, made once.
class Collectives {
 public:
  virtual ~Collectives() = default;
  virtual std::unique_ptr<Work> make(const PlannedPoint& point, std::uint64_t seed) = 0;
};
std::unique_ptr<Collectives> make_collectives();  // Unsupported without NCCL or with one device.
std::optional<std::string> nccl_version();

}  // namespace moesim::probe
