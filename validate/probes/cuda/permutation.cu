// What stands between the gate and the experts: counts of copies per expert and their prefix sums; rows in the order of
// experts; and back, with the weighted sum over a token's copies.
//
// A point's load says how copies fall on experts; which token has which is random, so that one token may name the same
// expert twice. None of the kernels minds.
#include <algorithm>

#include "validate/load_shape.hpp"
#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr int kThreads = 256;
constexpr int kCopiesPerThread = 4;
constexpr int kTile = kThreads * kCopiesPerThread;
constexpr int kScanThreads = 1024;
constexpr int kMostTopK = 32;
constexpr int kVector = 8;  // bfloat16 numbers in 16 bytes.

// Dynamic shared memory: a bin for each expert.
__global__ void __launch_bounds__(kThreads) count_kernel(const int* ids, int copies, int experts, int* counts) {
  extern __shared__ int bins[];
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) bins[e] = 0;
  __syncthreads();
  const int stride = static_cast<int>(gridDim.x) * kThreads;
  for (int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x); i < copies; i += stride) {
    atomicAdd(&bins[ids[i]], 1);
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) {
    if (bins[e] != 0) atomicAdd(&counts[e], bins[e]);
  }
}

// One block: offsets[e] = copies of the experts before e; offsets[experts] = all. Each thread owns a run of experts.
__global__ void __launch_bounds__(kScanThreads) scan_kernel(const int* counts, int experts, int* offsets) {
  __shared__ int sums[kScanThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const int run = (experts + kScanThreads - 1) / kScanThreads;
  const int first = min(thread * run, experts);
  const int last = min(first + run, experts);
  int mine = 0;
  for (int e = first; e < last; ++e) mine += counts[e];
  sums[thread] = mine;
  __syncthreads();
  for (int distance = 1; distance < kScanThreads; distance *= 2) {
    const int before = thread >= distance ? sums[thread - distance] : 0;
    __syncthreads();
    sums[thread] += before;
    __syncthreads();
  }
  int sum = sums[thread] - mine;
  for (int e = first; e < last; ++e) {
    offsets[e] = sum;
    sum += counts[e];
  }
  if (thread == kScanThreads - 1) offsets[experts] = sums[thread];
}

// row_of[copy]: its row among its expert's. A block takes rows for its whole tile at once, so that a hot expert's
// counter is not fought over copy by copy. `cursors` starts as the offsets.
__global__ void __launch_bounds__(kThreads)
    assign_kernel(const int* ids, int copies, int experts, int* cursors, int* row_of) {
  extern __shared__ int bins[];
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) bins[e] = 0;
  __syncthreads();
  const int base = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.x);
  int ranks[kCopiesPerThread];
#pragma unroll
  for (int j = 0; j < kCopiesPerThread; ++j) {
    const int copy = base + j * kThreads;
    if (copy < copies) ranks[j] = atomicAdd(&bins[ids[copy]], 1);
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) {
    if (bins[e] != 0) bins[e] = atomicAdd(&cursors[e], bins[e]);
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < kCopiesPerThread; ++j) {
    const int copy = base + j * kThreads;
    if (copy < copies) row_of[copy] = bins[ids[copy]] + ranks[j];
  }
}

// A block a token: reads its row once and writes its copies.
__global__ void __launch_bounds__(kThreads)
    spread_kernel(const uint4* x, const int* row_of, int vectors, int top_k, uint4* rows) {
  __shared__ int to[kMostTopK];
  if (static_cast<int>(threadIdx.x) < top_k) {
    to[threadIdx.x] = row_of[static_cast<std::int64_t>(blockIdx.x) * top_k + threadIdx.x];
  }
  __syncthreads();
  const uint4* const row = x + static_cast<std::int64_t>(blockIdx.x) * vectors;
  for (int v = static_cast<int>(threadIdx.x); v < vectors; v += kThreads) {
    const uint4 value = row[v];
    for (int j = 0; j < top_k; ++j) rows[static_cast<std::int64_t>(to[j]) * vectors + v] = value;
  }
}

// A block a token: the weighted sum of its copies' rows, in FP32.
__global__ void __launch_bounds__(kThreads)
    combine_kernel(const uint4* rows, const int* row_of, const float* weights, int vectors, int top_k, uint4* out) {
  __shared__ int from[kMostTopK];
  __shared__ float weight[kMostTopK];
  if (static_cast<int>(threadIdx.x) < top_k) {
    const std::int64_t copy = static_cast<std::int64_t>(blockIdx.x) * top_k + threadIdx.x;
    from[threadIdx.x] = row_of[copy];
    weight[threadIdx.x] = weights[copy];
  }
  __syncthreads();
  for (int v = static_cast<int>(threadIdx.x); v < vectors; v += kThreads) {
    float sum[kVector] = {};
    for (int j = 0; j < top_k; ++j) {
      const uint4 packed = rows[static_cast<std::int64_t>(from[j]) * vectors + v];
      const auto* const pairs = reinterpret_cast<const __nv_bfloat162*>(&packed);
#pragma unroll
      for (int i = 0; i < kVector / 2; ++i) {
        const float2 pair = __bfloat1622float2(pairs[i]);
        sum[2 * i] += weight[j] * pair.x;
        sum[2 * i + 1] += weight[j] * pair.y;
      }
    }
    uint4 packed;
    auto* const pairs = reinterpret_cast<__nv_bfloat162*>(&packed);
#pragma unroll
    for (int i = 0; i < kVector / 2; ++i) pairs[i] = __floats2bfloat162_rn(sum[2 * i], sum[2 * i + 1]);
    out[static_cast<std::int64_t>(blockIdx.x) * vectors + v] = packed;
  }
}

class Permutation final : public StreamWork {
 public:
  Permutation(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        kernel_(point.what.kernel),
        tokens_(static_cast<int>(point.what.parameter("tokens"))),
        experts_(static_cast<int>(point.what.parameter("experts"))),
        top_k_(static_cast<int>(point.what.parameter("top_k"))),
        hidden_(kernel_ == MeasuredKernel::histogram ? 0 : static_cast<int>(point.what.parameter("hidden"))),
        copies_(tokens_ * top_k_),
        seed_(seed),
        ids_(shuffled_ids(load_rows(point.what.load, copies_, experts_), tensor_seed(seed, 0))),
        device_ids_(copies_),
        counts_(experts_),
        offsets_(experts_ + 1),
        cursors_(experts_),
        row_of_(copies_) {
    if (hidden_ % kVector != 0 || top_k_ > kMostTopK) throw Unsupported("rows of 8 numbers, at most 32 copies a token");
    device_ids_.upload(ids_);
    queue_histogram();
    if (kernel_ != MeasuredKernel::histogram) {
      const std::int64_t hidden = hidden_;
      tokens_data_ = Buffer<Bf16>(tokens_ * hidden);
      rows_ = Buffer<Bf16>(copies_ * hidden);
      if (kernel_ == MeasuredKernel::permute) {
        fill(tokens_data_, tensor_seed(seed, 1), 0, device.stream());
      } else {
        weights_ = Buffer<float>(copies_);
        fill(rows_, tensor_seed(seed, 1), 0, device.stream());
        fill(weights_, tensor_seed(seed, 2), device.stream());
        queue_assignment();
      }
    }
    device.wait();
  }

  void launch() override {
    if (kernel_ == MeasuredKernel::histogram) return queue_histogram();
    const unsigned blocks = static_cast<unsigned>(tokens_);
    const int vectors = hidden_ / kVector;
    if (kernel_ == MeasuredKernel::permute) {
      queue_assignment();
      spread_kernel<<<blocks, kThreads, 0, device_.stream()>>>(reinterpret_cast<const uint4*>(tokens_data_.data()),
                                                               row_of_.data(), vectors, top_k_,
                                                               reinterpret_cast<uint4*>(rows_.data()));
    } else {
      combine_kernel<<<blocks, kThreads, 0, device_.stream()>>>(reinterpret_cast<const uint4*>(rows_.data()),
                                                                row_of_.data(), weights_.data(), vectors, top_k_,
                                                                reinterpret_cast<uint4*>(tokens_data_.data()));
    }
    MOESIM_LAUNCHED();
  }

  ProbeCheck check() override {
    switch (kernel_) {
      case MeasuredKernel::histogram:
        return check_histogram();
      case MeasuredKernel::permute:
        return check_permute();
      default:
        return check_unpermute();
    }
  }

 private:
  std::size_t bin_bytes() const { return static_cast<std::size_t>(experts_) * sizeof(int); }

  void queue_histogram() {
    MOESIM_CUDA(cudaMemsetAsync(counts_.data(), 0, counts_.bytes(), device_.stream()));
    const int blocks = std::clamp((copies_ + kTile - 1) / kTile, 1, 2 * device_.sms());
    count_kernel<<<static_cast<unsigned>(blocks), kThreads, bin_bytes(), device_.stream()>>>(
        device_ids_.data(), copies_, experts_, counts_.data());
    MOESIM_LAUNCHED();
    scan_kernel<<<1, kScanThreads, 0, device_.stream()>>>(counts_.data(), experts_, offsets_.data());
    MOESIM_LAUNCHED();
  }

  void queue_assignment() {
    MOESIM_CUDA(cudaMemcpyAsync(cursors_.data(), offsets_.data(), cursors_.bytes(), cudaMemcpyDeviceToDevice,
                                device_.stream()));
    const unsigned blocks = static_cast<unsigned>((copies_ + kTile - 1) / kTile);
    assign_kernel<<<blocks, kThreads, bin_bytes(), device_.stream()>>>(device_ids_.data(), copies_, experts_,
                                                                       cursors_.data(), row_of_.data());
    MOESIM_LAUNCHED();
  }

  ProbeCheck check_histogram() {
    poison(counts_, device_.stream());
    poison(offsets_, device_.stream());
    launch();
    device_.wait();
    const std::vector<std::int64_t> expected = expert_offsets(ids_, experts_);
    const std::vector<int> counts = counts_.download();
    const std::vector<int> offsets = offsets_.download();
    double wrong = 0;
    for (std::size_t e = 0; e < counts.size(); ++e) wrong += counts[e] != expected[e + 1] - expected[e] ? 1 : 0;
    for (std::size_t e = 0; e < offsets.size(); ++e) wrong += offsets[e] != expected[e] ? 1 : 0;
    return {wrong, 0};
  }

  ProbeCheck check_permute() {
    poison(row_of_, device_.stream());
    poison(rows_, device_.stream());
    launch();
    std::vector<ProbeCheck> checks{all_written(row_of_, device_.stream()), all_written(rows_, device_.stream())};
    const std::vector<int> row_of = row_of_.download();
    if (!is_expert_order(ids_, row_of, experts_)) return {1, 0};
    std::vector<double> found;
    std::vector<double> expected;
    for (const std::int64_t copy : sample_indices(copies_, 64, tensor_seed(seed_, 3))) {
      const std::int64_t row = row_of[static_cast<std::size_t>(copy)];
      const std::vector<double> values = bf16_row(rows_, row * hidden_, hidden_);
      found.insert(found.end(), values.begin(), values.end());
      for (int i = 0; i < hidden_; ++i) expected.push_back(value(1, copy / top_k_, i));
    }
    checks.push_back({relative_error(found, expected), 0});  // A move changes nothing.
    return worst(checks);
  }

  ProbeCheck check_unpermute() {
    const std::vector<int> row_of = row_of_.download();
    if (!is_expert_order(ids_, row_of, experts_)) return {1, 0};
    poison(tokens_data_, device_.stream());
    launch();
    std::vector<ProbeCheck> checks{all_written(tokens_data_, device_.stream())};
    std::vector<double> found;
    std::vector<double> expected;
    for (const std::int64_t token : sample_indices(tokens_, 32, tensor_seed(seed_, 3))) {
      const std::vector<double> values = bf16_row(tokens_data_, token * hidden_, hidden_);
      found.insert(found.end(), values.begin(), values.end());
      std::vector<double> sum(static_cast<std::size_t>(hidden_));
      for (std::int64_t copy = token * top_k_; copy < (token + 1) * top_k_; ++copy) {
        const double weight = random_bf16(tensor_seed(seed_, 2), static_cast<std::uint64_t>(copy));
        const std::int64_t row = row_of[static_cast<std::size_t>(copy)];
        for (int i = 0; i < hidden_; ++i) sum[static_cast<std::size_t>(i)] += weight * value(1, row, i);
      }
      expected.insert(expected.end(), sum.begin(), sum.end());
    }
    checks.push_back({relative_error(found, expected), 5e-3});  // Rounded to BF16 at the end.
    return worst(checks);
  }

  double value(std::uint64_t tensor, std::int64_t row, int i) const {
    return static_cast<double>(random_bf16(tensor_seed(seed_, tensor), static_cast<std::uint64_t>(row * hidden_ + i)));
  }

  MeasuredKernel kernel_;
  int tokens_;
  int experts_;
  int top_k_;
  int hidden_;
  int copies_;
  std::uint64_t seed_;
  std::vector<int> ids_;  // [tokens, top_k]
  Buffer<int> device_ids_;
  Buffer<int> counts_;        // [experts]
  Buffer<int> offsets_;       // [experts + 1]
  Buffer<int> cursors_;       // [experts]
  Buffer<int> row_of_;        // [tokens, top_k]
  Buffer<Bf16> tokens_data_;  // [tokens, hidden]
  Buffer<Bf16> rows_;         // [tokens * top_k, hidden]
  Buffer<float> weights_;     // [tokens, top_k]
};

}  // namespace

std::unique_ptr<Work> make_permutation(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<Permutation>(device, point, seed);
}

}  // namespace moesim::probe
