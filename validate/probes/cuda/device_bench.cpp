#include "validate/probes/cuda/device_bench.hpp"

#include <chrono>
#include <exception>

#include "validate/probes/cuda/device.hpp"

namespace moesim::probe {
namespace {

constexpr std::int64_t kWorkspaceBytes = 64 << 20;  // cuBLAS asks for 32 MiB on Hopper.
constexpr double kUsableMemory = 0.9;               // Of what is free.

class DeviceBench final : public Bench {
 public:
  explicit DeviceBench(int ordinal) : device_(ordinal) {}

  Device& device() { return device_; }

  double now_s() override {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  std::unique_ptr<Work> prepare(const PlannedPoint& point, std::uint64_t seed) override {
    using enum MeasuredKernel;
    const MeasuredKernel kernel = point.what.kernel;
    if (kernel == all_to_all || kernel == all_reduce) {
      require_collectives();
      return collectives_->make(point, seed);
    }
    require_memory(device_bytes(point));
    const std::string_view kind = family(kernel);
    if (kind == "gate") return make_gate(device_, point, seed);
    if (kind == "permutation") return make_permutation(device_, point, seed);
    if (kind == "activation") return make_activation(device_, point, seed);
    if (kind == "gemm") return make_gemm(device_, point, seed);
    if (kind == "memory") return make_memory(device_, point, seed);
    if (kind == "contention") return make_contention(device_, point, seed);
    if (point.what.dtype == "bf16") return make_grouped_gemm(device_, point, seed);
    return make_grouped_fp8(device_, point, seed);
  }

 private:
  static void require_memory(std::int64_t bytes) {
    std::size_t free = 0;
    std::size_t total = 0;
    MOESIM_CUDA(cudaMemGetInfo(&free, &total));
    if (static_cast<double>(bytes) > kUsableMemory * static_cast<double>(free)) {
      throw OutOfMemory("needs " + std::to_string(bytes >> 20) + " MiB, " + std::to_string(free >> 20) +
                        " MiB are free");
    }
  }

  // Once: what failed is told again to every later point, and not tried again.
  void require_collectives() {
    if (collectives_failed_) std::rethrow_exception(collectives_failed_);
    if (collectives_) return;
    try {
      collectives_ = make_collectives();
    } catch (...) {
      collectives_failed_ = std::current_exception();
      throw;
    }
  }

  Device device_;
  std::unique_ptr<Collectives> collectives_;
  std::exception_ptr collectives_failed_;
};

}  // namespace

Device::Device(int ordinal) : ordinal_(ordinal) {
  MOESIM_CUDA(cudaSetDevice(ordinal));
  int major = 0;
  int minor = 0;
  int l2_bytes = 0;
  MOESIM_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal));
  MOESIM_CUDA(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, ordinal));
  MOESIM_CUDA(cudaDeviceGetAttribute(&sms_, cudaDevAttrMultiProcessorCount, ordinal));
  MOESIM_CUDA(cudaDeviceGetAttribute(&l2_bytes, cudaDevAttrL2CacheSize, ordinal));
  compute_capability_ = 10 * major + minor;
  MOESIM_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  MOESIM_CUBLAS(cublasCreate(&cublas_));
  MOESIM_CUBLAS(cublasSetStream(cublas_, stream_));
  MOESIM_CUBLAS(cublasLtCreate(&lt_));
  workspace_ = Buffer<char>(kWorkspaceBytes);
  timer_ = std::make_unique<Timer>(stream_, l2_bytes);
}

Device::~Device() {
  timer_.reset();
  if (lt_) cublasLtDestroy(lt_);
  if (cublas_) cublasDestroy(cublas_);
  if (stream_) cudaStreamDestroy(stream_);
}

std::unique_ptr<Bench> make_device_bench(int ordinal, double& empty_launch_us) {
  auto bench = std::make_unique<DeviceBench>(ordinal);
  empty_launch_us = bench->device().timer().empty_launch_us();
  return bench;
}

}  // namespace moesim::probe
