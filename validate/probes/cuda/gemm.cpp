// One dense product through cublasLtMatmul: BF16, FP8 with a scale for each tensor, FP8 with scales of blocks of 128.
#include "validate/probes/cuda/lt_matmul.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr unsigned kAlignment = 256;  // cudaMalloc's.

// `Element` is Bf16 or Fp8.
template <class Element>
class Gemm final : public StreamWork {
 public:
  Gemm(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        m_(point.what.parameter(point.what.kernel == MeasuredKernel::contention ? "rows" : "m")),
        n_(point.what.parameter("n")),
        k_(point.what.parameter("k")),
        blocks_(point.what.dtype == "fp8_block"),
        seed_(seed),
        x_(m_ * k_),
        w_(n_ * k_),
        out_(m_ * n_) {
    if (blocks_ && k_ % 128 != 0) throw Unsupported("scales of blocks need k to be a multiple of 128");
    fill_elements(x_, tensor_seed(seed, 0));
    fill_elements(w_, tensor_seed(seed, 1));
    if constexpr (kFp8) {
      x_scales_ = Buffer<float>(blocks_ ? scale_blocks(k_) * m_ : 1);
      w_scales_ = Buffer<float>(blocks_ ? scale_blocks(n_) * weight_scale_stride(k_) : 1);
      fill_scales(x_scales_, tensor_seed(seed, 2), device.stream());
      fill_scales(w_scales_, tensor_seed(seed, 3), device.stream());
    }
    const bool beside = point.what.kernel == MeasuredKernel::contention;
    const int sms = beside ? device.sms() - static_cast<int>(point.what.parameter("sms_held")) : device.sms();
    matmul_ = std::make_unique<LtMatmul>(device, point.what.dtype, m_, n_, k_,
                                         Fp8Scales{w_scales_.data(), x_scales_.data()}, kAlignment, sms);
    device.wait();
  }

  void launch() override { matmul_->queue(x_.data(), w_.data(), out_.data()); }

  ProbeCheck check() override {
    poison(out_, device_.stream());
    launch();
    const ProbeCheck written = all_written(out_, device_.stream());
    const std::vector<std::int64_t> rows = sample_indices(m_, 32, tensor_seed(seed_, 10));
    const std::vector<std::int64_t> columns = sample_indices(n_, 32, tensor_seed(seed_, 11));
    const std::vector<double> expected = product_sample(
        rows, columns, k_, [&](std::int64_t row, std::int64_t i) { return x(row, i); },
        [&](std::int64_t column, std::int64_t i) { return w(column, i); });
    std::vector<double> found;
    for (const std::int64_t row : rows) {
      const std::vector<double> line = bf16_row(out_, row * n_, n_);
      for (const std::int64_t column : columns) found.push_back(line[static_cast<std::size_t>(column)]);
    }
    const double tolerance = !kFp8 ? 5e-3 : blocks_ ? 1e-2 : 2e-2;  // As in the grouped products.
    return worst(std::vector<ProbeCheck>{written, {relative_error(found, expected), tolerance}});
  }

 private:
  static constexpr bool kFp8 = sizeof(Element) == 1;

  void fill_elements(const Buffer<Element>& buffer, std::uint64_t seed) {
    if constexpr (kFp8) {
      fill(buffer, seed, device_.stream());
    } else {
      fill(buffer, seed, 0, device_.stream());
    }
  }

  double element(std::uint64_t tensor, std::int64_t index) const {
    const auto at = static_cast<std::uint64_t>(index);
    const std::uint64_t seed = tensor_seed(seed_, tensor);
    return static_cast<double>(kFp8 ? random_fp8(seed, at) : random_bf16(seed, at));
  }
  double factor(std::uint64_t tensor, std::int64_t index) const {
    return kFp8 ? static_cast<double>(random_scale(tensor_seed(seed_, tensor), static_cast<std::uint64_t>(index))) : 1;
  }
  double x(std::int64_t row, std::int64_t i) const {
    return element(0, row * k_ + i) * factor(2, blocks_ ? i / 128 * m_ + row : 0);
  }
  double w(std::int64_t column, std::int64_t i) const {
    return element(1, column * k_ + i) * factor(3, blocks_ ? column / 128 * weight_scale_stride(k_) + i / 128 : 0);
  }

  std::int64_t m_;
  std::int64_t n_;
  std::int64_t k_;
  bool blocks_;
  std::uint64_t seed_;
  Buffer<Element> x_;  // [m, k]
  Buffer<Element> w_;  // [n, k]
  Buffer<Bf16> out_;   // [m, n]
  Buffer<float> x_scales_;
  Buffer<float> w_scales_;
  std::unique_ptr<LtMatmul> matmul_;
};

}  // namespace

std::unique_ptr<StreamWork> make_gemm(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  if (point.what.dtype == "bf16") return std::make_unique<Gemm<Bf16>>(device, point, seed);
  return std::make_unique<Gemm<Fp8>>(device, point, seed);
}

}  // namespace moesim::probe
