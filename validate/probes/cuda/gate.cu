// The gate: logits = x w^T in BF16 with FP32 sums (cuBLAS), then the choice of experts and their weights. One warp
// chooses for one token and keeps its logits in registers.
#include <algorithm>
#include <climits>
#include <cmath>

#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {
namespace {

constexpr int kWarp = 32;
constexpr int kWarpsPerBlock = 8;
constexpr unsigned kAll = 0xffffffff;
constexpr float kRoutedScale = 2.5F;  // DeepSeek-V3's.

struct Best {
  float value;
  int index;
};

// The larger value of a warp, the lower index among equals; the same in all lanes.
__device__ Best warp_best(Best mine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float value = __shfl_xor_sync(kAll, mine.value, distance);
    const int index = __shfl_xor_sync(kAll, mine.index, distance);
    if (value > mine.value || (value == mine.value && index < mine.index)) mine = {value, index};
  }
  return mine;
}

__device__ float warp_sum(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(kAll, value, distance);
  return value;
}

// Takes the best value out of the lanes' registers; value i of a lane belongs to expert i * 32 + lane.
template <int kPerLane>
__device__ Best take_best(float (&values)[kPerLane], int lane) {
  Best mine{-INFINITY, INT_MAX};
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if (values[i] > mine.value) mine = {values[i], i * kWarp + lane};
  }
  const Best best = warp_best(mine);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if (i * kWarp + lane == best.index) values[i] = -INFINITY;
  }
  return best;
}

template <int kPerLane>
__device__ void load_logits(const float* logits, int experts, int lane, float (&values)[kPerLane]) {
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    const int expert = i * kWarp + lane;
    values[i] = expert < experts ? logits[expert] : -INFINITY;
  }
}

template <int kPerLane>
__global__ void __launch_bounds__(kWarp* kWarpsPerBlock)
    softmax_top_k_kernel(const float* logits, int tokens, int experts, int top_k, int* ids, float* weights) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int token = static_cast<int>(blockIdx.x) * kWarpsPerBlock + static_cast<int>(threadIdx.x) / kWarp;
  if (token >= tokens) return;  // A whole warp.
  float values[kPerLane];
  load_logits(logits + static_cast<std::int64_t>(token) * experts, experts, lane, values);
  float highest = -INFINITY;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) highest = fmaxf(highest, values[i]);
  highest = warp_best({highest, 0}).value;
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) sum += expf(values[i] - highest);
  sum = warp_sum(sum);
  for (int j = 0; j < top_k; ++j) {
    const Best best = take_best(values, lane);
    if (lane == 0) {
      const std::int64_t at = static_cast<std::int64_t>(token) * top_k + j;
      ids[at] = best.index;
      weights[at] = expf(best.value - highest) / sum;
    }
  }
}

// Group g is scored by lane g, from shared memory; at most 32 groups, at most 32 choices.
template <int kPerLane>
__global__ void __launch_bounds__(kWarp* kWarpsPerBlock)
    group_limited_kernel(const float* logits, const float* bias, int tokens, int experts, int top_k, int groups,
                         int groups_kept, float scale, int* ids, float* weights) {
  __shared__ float shared[kWarpsPerBlock][kPerLane * kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float* const biased = shared[threadIdx.x / kWarp];
  const int token = static_cast<int>(blockIdx.x) * kWarpsPerBlock + static_cast<int>(threadIdx.x) / kWarp;
  if (token >= tokens) return;
  float scores[kPerLane];
  float values[kPerLane];
  load_logits(logits + static_cast<std::int64_t>(token) * experts, experts, lane, scores);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    const int expert = i * kWarp + lane;
    scores[i] = 1 / (1 + expf(-scores[i]));
    values[i] = expert < experts ? scores[i] + bias[expert] : -INFINITY;
    biased[expert] = values[i];
  }
  __syncwarp();
  const int group_size = experts / groups;
  Best group{-INFINITY, lane};
  if (lane < groups) {
    float first = -INFINITY;
    float second = -INFINITY;
    for (int j = 0; j < group_size; ++j) {
      const float value = biased[lane * group_size + (j + lane) % group_size];  // Each lane in another bank.
      second = fmaxf(second, fminf(first, value));
      first = fmaxf(first, value);
    }
    group.value = group_size > 1 ? first + second : first;
  }
  unsigned kept = 0;
  for (int j = 0; j < groups_kept; ++j) {
    const Best best = warp_best(group);
    kept |= 1U << best.index;
    if (lane == best.index) group.value = -INFINITY;
  }
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    const int expert = i * kWarp + lane;
    if (expert < experts && (kept >> (expert / group_size) & 1) == 0) values[i] = -INFINITY;
  }
  int my_id = 0;
  float my_score = 0;
  float sum = 0;
  for (int j = 0; j < top_k; ++j) {
    const Best best = take_best(values, lane);
    float score = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      if (i * kWarp + lane == best.index) score = scores[i];
    }
    score = __shfl_sync(kAll, score, best.index % kWarp);
    sum += score;
    if (lane == j) {
      my_id = best.index;
      my_score = score;
    }
  }
  if (lane < top_k) {
    const std::int64_t at = static_cast<std::int64_t>(token) * top_k + lane;
    ids[at] = my_id;
    weights[at] = my_score / sum * scale;
  }
}

class Gate final : public StreamWork {
 public:
  Gate(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : StreamWork(device),
        group_limited_(point.what.kernel == MeasuredKernel::gate_group_limited),
        tokens_(static_cast<int>(point.what.parameter("tokens"))),
        hidden_(static_cast<int>(point.what.parameter("hidden"))),
        experts_(static_cast<int>(point.what.parameter("experts"))),
        top_k_(static_cast<int>(point.what.parameter("top_k"))),
        groups_(group_limited_ ? static_cast<int>(point.what.parameter("groups")) : 1),
        groups_kept_(group_limited_ ? static_cast<int>(point.what.parameter("groups_kept")) : 1),
        seed_(seed),
        // Logits with a standard deviation of about 1.8 (between 1.3 and 2.5): none of the scores is saturated.
        exponent_(static_cast<int>(std::lround(std::log2(1.8 / (0.333 * std::sqrt(hidden_)))))),
        x_(std::int64_t{tokens_} * hidden_),
        w_(std::int64_t{experts_} * hidden_),
        bias_(experts_),
        logits_(std::int64_t{tokens_} * experts_),
        weights_(std::int64_t{tokens_} * top_k_),
        ids_(std::int64_t{tokens_} * top_k_) {
    if (group_limited_ && (experts_ > 256 || groups_ > kWarp || top_k_ > kWarp || experts_ % groups_ != 0)) {
      throw Unsupported("the group-limited kernel takes at most 256 experts in at most 32 groups of one size");
    }
    if (experts_ > 2048) throw Unsupported("the softmax kernel takes at most 2048 experts");
    fill(x_, tensor_seed(seed, 0), 0, device.stream());
    fill(w_, tensor_seed(seed, 1), exponent_, device.stream());
    fill(bias_, tensor_seed(seed, 2), device.stream());
    device.wait();
  }

  void launch() override {
    const float one = 1;
    const float zero = 0;
    // Row-major logits [tokens, experts] are column-major [experts, tokens] = (w as [hidden, experts])^T x.
    MOESIM_CUBLAS(cublasGemmEx(device_.cublas(), CUBLAS_OP_T, CUBLAS_OP_N, experts_, tokens_, hidden_, &one, w_.data(),
                               CUDA_R_16BF, hidden_, x_.data(), CUDA_R_16BF, hidden_, &zero, logits_.data(), CUDA_R_32F,
                               experts_, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
    const unsigned blocks = static_cast<unsigned>((tokens_ + kWarpsPerBlock - 1) / kWarpsPerBlock);
    constexpr unsigned kThreads = kWarp * kWarpsPerBlock;
    if (group_limited_) {
      group_limited_kernel<8><<<blocks, kThreads, 0, device_.stream()>>>(logits_.data(), bias_.data(), tokens_,
                                                                         experts_, top_k_, groups_, groups_kept_,
                                                                         kRoutedScale, ids_.data(), weights_.data());
    } else if (experts_ <= kWarp) {
      softmax<1>(blocks, kThreads);
    } else if (experts_ <= 256) {
      softmax<8>(blocks, kThreads);
    } else {
      softmax<64>(blocks, kThreads);
    }
    MOESIM_LAUNCHED();
  }

  ProbeCheck check() override {
    poison(logits_, device_.stream());
    poison(ids_, device_.stream());
    poison(weights_, device_.stream());
    launch();
    std::vector<ProbeCheck> checks{all_written(logits_, device_.stream()), all_written(ids_, device_.stream()),
                                   all_written(weights_, device_.stream())};
    const std::int64_t most = std::clamp<std::int64_t>(20'000'000 / (std::int64_t{experts_} * hidden_), 4, 64);
    const std::vector<std::int64_t> tokens = sample_indices(tokens_, most, tensor_seed(seed_, 3));
    const std::vector<std::int64_t> experts = sample_indices(experts_, experts_ + 1, 0);
    const double factor = std::ldexp(1.0, exponent_);
    const std::vector<double> expected = product_sample(
        tokens, experts, hidden_,
        [&](std::int64_t row, std::int64_t i) {
          return random_bf16(tensor_seed(seed_, 0), static_cast<std::uint64_t>(row * hidden_ + i));
        },
        [&](std::int64_t column, std::int64_t i) {
          return random_bf16(tensor_seed(seed_, 1), static_cast<std::uint64_t>(column * hidden_ + i)) * factor;
        });
    std::vector<double> found;
    std::vector<double> weights_found;
    std::vector<double> weights_expected;
    const std::vector<float> bias = bias_.download();
    for (const std::int64_t token : tokens) {
      const std::vector<float> logits = logits_.download(token * experts_, experts_);
      found.insert(found.end(), logits.begin(), logits.end());
      compare_choice(token, logits, bias, weights_found, weights_expected);
    }
    checks.push_back({relative_error(found, expected), 1e-3});
    if (!weights_expected.empty()) checks.push_back({relative_error(weights_found, weights_expected), 1e-4});
    return worst(checks);
  }

 private:
  template <int kPerLane>
  void softmax(unsigned blocks, unsigned threads) {
    softmax_top_k_kernel<kPerLane><<<blocks, threads, 0, device_.stream()>>>(logits_.data(), tokens_, experts_, top_k_,
                                                                             ids_.data(), weights_.data());
  }

  // Adds the token's weights by expert, found and expected from the device's own logits, whose product was checked
  // apart. Where the choice hangs on rounding, neither choice is wrong, and the token is left out.
  void compare_choice(std::int64_t token, std::span<const float> logits, std::span<const float> bias,
                      std::vector<double>& found, std::vector<double>& expected) const {
    const Choice choice = group_limited_
                              ? choose_group_limited(logits, bias, top_k_, groups_, groups_kept_, double{kRoutedScale})
                              : choose_softmax(logits, top_k_);
    if (group_limited_ && choice.margin < 1e-5) return;
    std::vector<double> dense_found(static_cast<std::size_t>(experts_));
    std::vector<double> dense_expected(static_cast<std::size_t>(experts_));
    const std::vector<int> ids = ids_.download(token * top_k_, top_k_);
    const std::vector<float> weights = weights_.download(token * top_k_, top_k_);
    for (std::size_t j = 0; j < ids.size(); ++j) {
      const bool valid = ids[j] >= 0 && ids[j] < experts_;
      // An expert out of range, or chosen twice, is no choice at all.
      if (!valid || dense_found[static_cast<std::size_t>(ids[j])] != 0) {
        dense_found.assign(dense_found.size(), NAN);
        break;
      }
      dense_found[static_cast<std::size_t>(ids[j])] = static_cast<double>(weights[j]);
      dense_expected[static_cast<std::size_t>(choice.experts[j])] = choice.weights[j];
    }
    found.insert(found.end(), dense_found.begin(), dense_found.end());
    expected.insert(expected.end(), dense_expected.begin(), dense_expected.end());
  }

  bool group_limited_;
  int tokens_;
  int hidden_;
  int experts_;
  int top_k_;
  int groups_;
  int groups_kept_;
  std::uint64_t seed_;
  int exponent_;
  Buffer<Bf16> x_;         // [tokens, hidden]
  Buffer<Bf16> w_;         // [experts, hidden]
  Buffer<float> bias_;     // [experts]
  Buffer<float> logits_;   // [tokens, experts]
  Buffer<float> weights_;  // [tokens, top_k]
  Buffer<int> ids_;        // [tokens, top_k]
};

}  // namespace

std::unique_ptr<Work> make_gate(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<Gate>(device, point, seed);
}

}  // namespace moesim::probe
