// SwiGLU between the two products of an expert: silu(gate) * up, with the result in BF16, or in FP8 (E4M3) with one
// FP32 scale for 128 numbers of a row.
#include <algorithm>

#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr int kThreads = 256;
constexpr int kVector = 8;  // Numbers a thread takes at once: 16 bytes of bfloat16.
constexpr int kBlock = 128;
constexpr int kLanesPerBlock = kBlock / kVector;  // Half a warp.

__device__ void swiglu(const uint4& gate, const uint4& up, float (&out)[kVector]) {
  const auto* const gates = reinterpret_cast<const __nv_bfloat162*>(&gate);
  const auto* const ups = reinterpret_cast<const __nv_bfloat162*>(&up);
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    const float2 g = __bfloat1622float2(gates[i]);
    const float2 u = __bfloat1622float2(ups[i]);
    out[2 * i] = g.x / (1 + __expf(-g.x)) * u.x;
    out[2 * i + 1] = g.y / (1 + __expf(-g.y)) * u.y;
  }
}

// in [rows, 2 * width], gates first; out [rows, width]. `vectors` = width / 8.
__global__ void __launch_bounds__(kThreads)
    swiglu_kernel(const uint4* in, std::int64_t total, int vectors, uint4* out) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < total; i += stride) {
    const std::int64_t row = i / vectors;
    const std::int64_t gate = row * 2 * vectors + (i - row * vectors);
    float values[kVector];
    swiglu(in[gate], in[gate + vectors], values);
    uint4 packed;
    auto* const pairs = reinterpret_cast<__nv_bfloat162*>(&packed);
#pragma unroll
    for (int j = 0; j < kVector / 2; ++j) pairs[j] = __floats2bfloat162_rn(values[2 * j], values[2 * j + 1]);
    out[i] = packed;
  }
}

// Sixteen neighbouring lanes make one block of 128. `total` is a multiple of 16, so that such a half warp is in or out
// of the loop as one.
__global__ void __launch_bounds__(kThreads)
    swiglu_quantize_kernel(const uint4* in, std::int64_t total, int vectors, uint2* out, float* scales) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const unsigned half = 0xffffU << (lane & kLanesPerBlock);
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < total; i += stride) {
    const std::int64_t row = i / vectors;
    const std::int64_t gate = row * 2 * vectors + (i - row * vectors);
    float values[kVector];
    swiglu(in[gate], in[gate + vectors], values);
    float largest = 0;
#pragma unroll
    for (int j = 0; j < kVector; ++j) largest = fmaxf(largest, fabsf(values[j]));
    for (int distance = kLanesPerBlock / 2; distance > 0; distance /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(half, largest, distance));
    }
    const float scale = largest == 0 ? 1.0F : largest / static_cast<float>(kLargestE4m3);
    union {
      uint2 packed;
      __nv_fp8_storage_t bytes[kVector];
    } quantized;
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      quantized.bytes[j] = __nv_cvt_float_to_fp8(values[j] / scale, __NV_SATFINITE, __NV_E4M3);
    }
    out[i] = quantized.packed;
    if (lane % kLanesPerBlock == 0) scales[i / kLanesPerBlock] = scale;
  }
}

class Activation final : public StreamWork {
 public:
  Activation(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        quantize_(point.what.kernel == MeasuredKernel::swiglu_quantize),
        rows_(point.what.parameter("rows")),
        width_(point.what.parameter("width")),
        seed_(seed),
        in_(rows_ * 2 * width_) {
    if (width_ % kBlock != 0) throw Unsupported("a width that is no multiple of 128");
    if (quantize_) {
      quantized_ = Buffer<std::uint8_t>(rows_ * width_);
      scales_ = Buffer<float>(rows_ * width_ / kBlock);
    } else {
      out_ = Buffer<Bf16>(rows_ * width_);
    }
    fill(in_, tensor_seed(seed, 0), kExponent, device.stream());
    device.wait();
  }

  void launch() override {
    const std::int64_t total = rows_ * width_ / kVector;
    const int vectors = static_cast<int>(width_ / kVector);
    const auto blocks =
        static_cast<unsigned>(std::clamp<std::int64_t>((total + kThreads - 1) / kThreads, 1, 64 * device_.sms()));
    const auto* const in = reinterpret_cast<const uint4*>(in_.data());
    if (quantize_) {
      swiglu_quantize_kernel<<<blocks, kThreads, 0, device_.stream()>>>(
          in, total, vectors, reinterpret_cast<uint2*>(quantized_.data()), scales_.data());
    } else {
      swiglu_kernel<<<blocks, kThreads, 0, device_.stream()>>>(in, total, vectors,
                                                               reinterpret_cast<uint4*>(out_.data()));
    }
    MOESIM_LAUNCHED();
  }

  ProbeCheck check() override {
    poison(out_, device_.stream());
    poison(quantized_, device_.stream());
    poison(scales_, device_.stream());
    launch();
    std::vector<ProbeCheck> checks{all_written(out_, device_.stream()), all_written(quantized_, device_.stream()),
                                   all_written(scales_, device_.stream())};
    std::vector<double> found;
    std::vector<double> expected;
    std::vector<double> scales_found;
    std::vector<double> scales_expected;
    for (const std::int64_t row : sample_indices(rows_, 32, tensor_seed(seed_, 1))) {
      const std::size_t begin = expected.size();
      for (std::int64_t i = 0; i < width_; ++i)
        expected.push_back(swiglu_reference(input(row, i), input(row, width_ + i)));
      if (!quantize_) {
        const std::vector<double> values = bf16_row(out_, row * width_, width_);
        found.insert(found.end(), values.begin(), values.end());
        continue;
      }
      const std::vector<std::uint8_t> bytes = quantized_.download(row * width_, width_);
      const std::vector<float> scales = scales_.download(row * width_ / kBlock, width_ / kBlock);
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        found.push_back(e4m3_value(bytes[i]) * static_cast<double>(scales[i / kBlock]));
      }
      scales_found.insert(scales_found.end(), scales.begin(), scales.end());
      for (std::size_t b = 0; b < scales.size(); ++b) {
        scales_expected.push_back(block_scale(std::span<const double>(expected).subspan(begin + b * kBlock, kBlock)));
      }
    }
    // BF16 rounds by at most 1/256, E4M3 by 1/16: less than half as much in the norm.
    checks.push_back({relative_error(found, expected), quantize_ ? 5e-2 : 5e-3});
    if (quantize_) checks.push_back({relative_error(scales_found, scales_expected), 1e-4});
    return worst(checks);
  }

 private:
  static constexpr int kExponent = 2;  // Inputs in (-4, 4).

  double input(std::int64_t row, std::int64_t i) const {
    return static_cast<double>(random_bf16(tensor_seed(seed_, 0), static_cast<std::uint64_t>(row * 2 * width_ + i))) *
           (1 << kExponent);
  }

  bool quantize_;
  std::int64_t rows_;
  std::int64_t width_;
  std::uint64_t seed_;
  Buffer<Bf16> in_;                 // [rows, 2 * width]
  Buffer<Bf16> out_;                // [rows, width]
  Buffer<std::uint8_t> quantized_;  // [rows, width]
  Buffer<float> scales_;            // [rows, width / 128]
};

}  // namespace

std::unique_ptr<Work> make_activation(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<Activation>(device, point, seed);
}

}  // namespace moesim::probe
