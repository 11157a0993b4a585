// What the memory gives: a copy by the driver (bytes read plus bytes written), and a triad a = b + s c (three streams).
#include <algorithm>

#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr int kThreads = 512;
constexpr float kFactor = 2;
constexpr std::int64_t kSampled = 1 << 16;

__global__ void __launch_bounds__(kThreads)
    triad_kernel(const float4* b, const float4* c, std::int64_t size, float factor, float4* a) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
#pragma unroll 4
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < size; i += stride) {
    const float4 left = b[i];
    const float4 right = c[i];
    a[i] = {left.x + factor * right.x, left.y + factor * right.y, left.z + factor * right.z, left.w + factor * right.w};
  }
}

class Memory final : public StreamWork {
 public:
  Memory(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        triad_(point.what.kernel == MeasuredKernel::triad),
        size_(point.what.parameter("bytes") / (triad_ ? 3 : 2) / static_cast<std::int64_t>(sizeof(float))),
        seed_(seed),
        a_(size_),
        b_(size_) {
    if (size_ % 4 != 0) throw Unsupported("streams that are no multiples of 16 bytes");
    fill(b_, tensor_seed(seed, 0), device.stream());
    if (triad_) {
      c_ = Buffer<float>(size_);
      fill(c_, tensor_seed(seed, 1), device.stream());
    }
    device.wait();
  }

  void launch() override {
    if (!triad_) {
      MOESIM_CUDA(cudaMemcpyAsync(a_.data(), b_.data(), b_.bytes(), cudaMemcpyDeviceToDevice, device_.stream()));
      return;
    }
    const std::int64_t vectors = size_ / 4;
    const auto blocks =
        static_cast<unsigned>(std::clamp<std::int64_t>((vectors + kThreads - 1) / kThreads, 1, 16 * device_.sms()));
    triad_kernel<<<blocks, kThreads, 0, device_.stream()>>>(reinterpret_cast<const float4*>(b_.data()),
                                                            reinterpret_cast<const float4*>(c_.data()), vectors,
                                                            kFactor, reinterpret_cast<float4*>(a_.data()));
    MOESIM_LAUNCHED();
  }

  ProbeCheck check() override {
    poison(a_, device_.stream());
    launch();
    const ProbeCheck written = all_written(a_, device_.stream());
    std::vector<double> found;
    std::vector<double> expected;
    const std::int64_t count = std::min(size_, kSampled);
    for (const std::int64_t from : {std::int64_t{0}, size_ - count}) {
      for (const float value : a_.download(from, count)) found.push_back(static_cast<double>(value));
      for (std::int64_t i = from; i < from + count; ++i) {
        const auto at = static_cast<std::uint64_t>(i);
        double value = static_cast<double>(random_bf16(tensor_seed(seed_, 0), at));
        if (triad_) value += double{kFactor} * static_cast<double>(random_bf16(tensor_seed(seed_, 1), at));
        expected.push_back(value);
      }
    }
    return worst(std::vector<ProbeCheck>{written, {relative_error(found, expected), 0}});  // All sums are exact.
  }

 private:
  bool triad_;
  std::int64_t size_;  // Of each stream, in floats.
  std::uint64_t seed_;
  Buffer<float> a_;
  Buffer<float> b_;
  Buffer<float> c_;
};

}  // namespace

std::unique_ptr<Work> make_memory(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<Memory>(device, point, seed);
}

}  // namespace moesim::probe
