// The grouped product in BF16: cuBLAS's one call for many products of different sizes. Groups without rows are left out
// of the call.
#include <stdexcept>

#include "validate/probes/cuda/grouped_problem.hpp"
#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

class GroupedGemm final : public StreamWork {
 public:
  GroupedGemm(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        problem_(point.what),
        seed_(seed),
        x_(problem_.total_rows * problem_.k),
        w_(problem_.groups() * problem_.n * problem_.k),
        out_(problem_.total_rows * problem_.n) {
    if (point.what.dtype != "bf16") throw std::logic_error("a grouped product in BF16 only");
    if (problem_.n % 8 != 0 || problem_.k % 8 != 0) throw Unsupported("rows that are no multiples of 16 bytes");
    fill(x_, tensor_seed(seed, 0), 0, device.stream());
    fill(w_, tensor_seed(seed, 1), 0, device.stream());
    list_groups();
    device.wait();
  }

  void launch() override {
    // cuBLAS thinks in columns: out^T [n, rows] = (w^T [k, n])^T x^T [k, rows]. Sizes, strides and factors lie on the
    // host, one for each group of products; pointers on the device, one for each product. A group here has one product.
    MOESIM_CUBLAS(cublasGemmGroupedBatchedEx(
        device_.cublas(), transpose_w_.data(), transpose_x_.data(), m_.data(), n_.data(), k_.data(), one_.data(),
        reinterpret_cast<const void* const*>(w_pointers_.data()), CUDA_R_16BF, k_.data(),
        reinterpret_cast<const void* const*>(x_pointers_.data()), CUDA_R_16BF, k_.data(), zero_.data(),
        out_pointers_.data(), CUDA_R_16BF, m_.data(), static_cast<int>(m_.size()), sizes_.data(), CUBLAS_COMPUTE_32F));
  }

  ProbeCheck check() override {
    poison(out_, device_.stream());
    launch();
    const std::vector<ProbeCheck> checks{
        all_written(out_, device_.stream()),
        {problem_.sampled_error(
             out_, device_.stream(), seed_,
             [&](std::int64_t row, std::int64_t i) { return element(0, row * problem_.k + i); },
             [&](std::int64_t group, std::int64_t column, std::int64_t i) {
               return element(1, (group * problem_.n + column) * problem_.k + i);
             }),
         5e-3}};  // Rounded to BF16 at the end.
    return worst(checks);
  }

 private:
  double element(std::uint64_t tensor, std::int64_t index) const {
    return static_cast<double>(random_bf16(tensor_seed(seed_, tensor), static_cast<std::uint64_t>(index)));
  }

  void list_groups() {
    std::vector<const Bf16*> w;
    std::vector<const Bf16*> x;
    std::vector<void*> out;
    for (std::size_t g = 0; g < problem_.rows.size(); ++g) {
      if (problem_.rows[g] == 0) continue;
      transpose_w_.push_back(CUBLAS_OP_T);
      transpose_x_.push_back(CUBLAS_OP_N);
      m_.push_back(static_cast<int>(problem_.n));
      n_.push_back(static_cast<int>(problem_.rows[g]));
      k_.push_back(static_cast<int>(problem_.k));
      one_.push_back(1);
      zero_.push_back(0);
      sizes_.push_back(1);
      w.push_back(w_.data() + static_cast<std::int64_t>(g) * problem_.n * problem_.k);
      x.push_back(x_.data() + problem_.offsets[g] * problem_.k);
      out.push_back(out_.data() + problem_.offsets[g] * problem_.n);
    }
    const auto count = static_cast<std::int64_t>(w.size());
    w_pointers_ = Buffer<const Bf16*>(count);
    x_pointers_ = Buffer<const Bf16*>(count);
    out_pointers_ = Buffer<void*>(count);
    w_pointers_.upload(w);
    x_pointers_.upload(x);
    out_pointers_.upload(out);
  }

  GroupedProblem problem_;
  std::uint64_t seed_;
  Buffer<Bf16> x_;    // [rows, k]
  Buffer<Bf16> w_;    // [groups, n, k]
  Buffer<Bf16> out_;  // [rows, n]
  std::vector<cublasOperation_t> transpose_w_;
  std::vector<cublasOperation_t> transpose_x_;
  std::vector<int> m_;  // cuBLAS's m, our n; also the stride of out
  std::vector<int> n_;  // cuBLAS's n, our rows
  std::vector<int> k_;  // also the strides of w and x
  std::vector<float> one_;
  std::vector<float> zero_;
  std::vector<int> sizes_;
  Buffer<const Bf16*> w_pointers_;
  Buffer<const Bf16*> x_pointers_;
  Buffer<void*> out_pointers_;
};

}  // namespace

std::unique_ptr<StreamWork> make_grouped_gemm(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<GroupedGemm>(device, point, seed);
}

}  // namespace moesim::probe
