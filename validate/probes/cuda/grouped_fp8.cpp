// The grouped product in FP8: this cuBLAS has no grouped call for it, so each group with rows is a cublasLtMatmul of
// its own, one after the other on one stream ("cublaslt-loop"). What a fused kernel gains over it is not measured here.
#include <stdexcept>

#include "validate/probes/cuda/grouped_problem.hpp"
#include "validate/probes/cuda/lt_matmul.hpp"
#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

constexpr std::int64_t kScaleAlignment = 4;  // Floats: 16 bytes.

class GroupedFp8 final : public StreamWork {
 public:
  GroupedFp8(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        problem_(point.what),
        blocks_(point.what.dtype == "fp8_block"),
        seed_(seed),
        x_(problem_.total_rows * problem_.k),
        w_(problem_.groups() * problem_.n * problem_.k),
        out_(problem_.total_rows * problem_.n) {
    if (blocks_ && problem_.k % 128 != 0) throw Unsupported("scales of blocks need k to be a multiple of 128");
    place_scales();
    fill(x_, tensor_seed(seed, 0), device.stream());
    fill(w_, tensor_seed(seed, 1), device.stream());
    fill_scales(x_scales_, tensor_seed(seed, 2), device.stream());
    fill_scales(w_scales_, tensor_seed(seed, 3), device.stream());
    for (std::size_t g = 0; g < problem_.rows.size(); ++g) {
      if (problem_.rows[g] == 0) continue;
      const Fp8Scales scales{w_scales_.data() + static_cast<std::int64_t>(g) * w_scales_per_group_,
                             x_scales_.data() + x_scale_offsets_[g]};
      products_.push_back({g, std::make_unique<LtMatmul>(device, point.what.dtype, problem_.rows[g], problem_.n,
                                                         problem_.k, scales, problem_.alignment(1), device.sms())});
    }
    device.wait();
  }

  void launch() override {
    for (const Product& product : products_) {
      const std::int64_t first = problem_.offsets[product.group];
      product.matmul->queue(x_.data() + first * problem_.k,
                            w_.data() + static_cast<std::int64_t>(product.group) * problem_.n * problem_.k,
                            out_.data() + first * problem_.n);
    }
  }

  ProbeCheck check() override {
    poison(out_, device_.stream());
    launch();
    const ProbeCheck written = all_written(out_, device_.stream());
    const double error = problem_.sampled_error(
        out_, device_.stream(), seed_, [&](std::int64_t row, std::int64_t i) { return x(row, i); },
        [&](std::int64_t group, std::int64_t column, std::int64_t i) { return w(group, column, i); });
    // Rounded to BF16 at the end; the tensor core's own sums of FP8 products keep about 14 bits.
    return worst(std::vector<ProbeCheck>{written, {error, blocks_ ? 1e-2 : 2e-2}});
  }

 private:
  struct Product {
    std::size_t group;
    std::unique_ptr<LtMatmul> matmul;
  };

  // The scales of a group's rows are [k blocks, rows], each group's own, from an address that is a multiple of 16.
  void place_scales() {
    std::int64_t end = 0;
    for (const std::int64_t rows : problem_.rows) {
      x_scale_offsets_.push_back(end);
      const std::int64_t size = blocks_ ? rows * scale_blocks(problem_.k) : 1;
      end += (size + kScaleAlignment - 1) / kScaleAlignment * kScaleAlignment;
    }
    x_scales_ = Buffer<float>(end);
    w_scales_per_group_ = blocks_ ? scale_blocks(problem_.n) * weight_scale_stride(problem_.k) : kScaleAlignment;
    w_scales_ = Buffer<float>(problem_.groups() * w_scales_per_group_);
  }

  double x(std::int64_t row, std::int64_t i) const {
    const std::int64_t group = problem_.group_of(row);
    std::int64_t scale = x_scale_offsets_[static_cast<std::size_t>(group)];
    if (blocks_) {
      const auto g = static_cast<std::size_t>(group);
      scale += i / 128 * problem_.rows[g] + (row - problem_.offsets[g]);
    }
    return fp8(0, row * problem_.k + i) * factor(2, scale);
  }

  double w(std::int64_t group, std::int64_t column, std::int64_t i) const {
    std::int64_t scale = group * w_scales_per_group_;
    if (blocks_) scale += column / 128 * weight_scale_stride(problem_.k) + i / 128;
    return fp8(1, (group * problem_.n + column) * problem_.k + i) * factor(3, scale);
  }

  double fp8(std::uint64_t tensor, std::int64_t index) const {
    return static_cast<double>(random_fp8(tensor_seed(seed_, tensor), static_cast<std::uint64_t>(index)));
  }
  double factor(std::uint64_t tensor, std::int64_t index) const {
    return static_cast<double>(random_scale(tensor_seed(seed_, tensor), static_cast<std::uint64_t>(index)));
  }

  GroupedProblem problem_;
  bool blocks_;
  std::uint64_t seed_;
  Buffer<Fp8> x_;                              // [rows, k]
  Buffer<Fp8> w_;                              // [groups, n, k]
  Buffer<Bf16> out_;                           // [rows, n]
  std::vector<std::int64_t> x_scale_offsets_;  // [groups]
  std::int64_t w_scales_per_group_ = 0;
  Buffer<float> x_scales_;
  Buffer<float> w_scales_;
  std::vector<Product> products_;
};

}  // namespace

std::unique_ptr<StreamWork> make_grouped_fp8(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<GroupedFp8>(device, point, seed);
}

}  // namespace moesim::probe
