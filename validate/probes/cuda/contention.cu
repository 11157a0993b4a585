// A product while another kernel, on another stream, holds SMs, and maybe streams memory at a set rate, as a
// communication kernel does: the grouped product of cuBLAS, which knows nothing of it, or one product of cuBLASLt,
// which is told how many SMs are left.
//
// The holder's blocks each take an SM's whole shared memory, so that nothing else fits beside them. They start on an
// idle device, say so, and stay until told to leave; should nobody tell them, they leave after a second. Until then
// they leave alone what the product shares with them: an idle block sleeps, counts its own SM's cycles, and looks every
// 20 us at a word of device memory, which a copy engine writes. (Blocks that read the global timer every half
// microsecond and a word of the host's slowed products on an H100 down sixteenfold.)
#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>

#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/plan_points.hpp"
#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

constexpr int kThreads = 512;
constexpr double kLongestHoldS = 1;
constexpr double kLongestStartS = 0.5;
constexpr int kLoadsInFlight = 8;                         // Of 16 bytes, a thread.
constexpr int kChunkVectors = kThreads * kLoadsInFlight;  // Between two looks at the clock: 64 KiB.
constexpr double kLookNs = 20'000;                        // Between two looks at the flag and the global timer.
constexpr int kMostHeld = 256;

// In pinned host memory, written by the device.
struct Signals {
  int one;                 // What the copy engine brings.
  int left_early;          // Set by blocks that leave unasked.
  int started[kMostHeld];  // Set by each block once it is on its SM.
};

__device__ unsigned long long global_ns() {
  unsigned long long ns;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
  return ns;
}

// One chunk of `count` vectors, or as much of it as there is: all loads of a thread before its first store.
__device__ void copy_chunk(const uint4* from, uint4* to, std::int64_t count) {
  uint4 values[kLoadsInFlight];
#pragma unroll
  for (int j = 0; j < kLoadsInFlight; ++j) {
    const std::int64_t i = static_cast<std::int64_t>(j) * kThreads + threadIdx.x;
    if (i < count) values[j] = from[i];
  }
#pragma unroll
  for (int j = 0; j < kLoadsInFlight; ++j) {
    const std::int64_t i = static_cast<std::int64_t>(j) * kThreads + threadIdx.x;
    if (i < count) to[i] = values[j];
  }
}

enum Order : int { kWait, kCopy, kLeave };

// Time of one block: the global timer, read at each look, and in between the SM's own cycles at their last rate.
struct Clock {
  __device__ void start() {
    begin_ns = global_ns();
    read_cycles = clock64();
  }
  __device__ double since_read_ns() const { return static_cast<double>(clock64() - read_cycles) * ns_per_cycle; }
  __device__ double elapsed_ns() const { return read_ns + since_read_ns(); }
  __device__ void read() {
    const auto now_ns = static_cast<double>(global_ns() - begin_ns);
    const long long cycles = clock64();
    if (cycles > read_cycles && now_ns > read_ns) {
      ns_per_cycle = (now_ns - read_ns) / static_cast<double>(cycles - read_cycles);
    }
    read_ns = now_ns;
    read_cycles = cycles;
  }

  unsigned long long begin_ns = 0;
  long long read_cycles = 0;
  double read_ns = 0;
  double ns_per_cycle = 0.5;  // Until the second reading.
};

// What thread 0 of a block knows from one decision to the next.
struct Pace {
  Clock clock;
  double due = 0;  // Bytes whose time has been given to a chunk, or has passed unused.
};

// What thread 0 of a block decides between two chunks.
__device__ Order next_order(Signals* signals, const int* leave, double longest_ns, double bytes_per_ns, Pace& pace) {
  if (pace.clock.since_read_ns() >= kLookNs) {
    pace.clock.read();
    if (*static_cast<const volatile int*>(leave) != 0) return kLeave;
    if (pace.clock.read_ns > longest_ns) {
      *static_cast<volatile int*>(&signals->left_early) = 1;
      __threadfence_system();
      return kLeave;
    }
  }
  if (bytes_per_ns <= 0) return kWait;
  constexpr double kChunkBytes = 2.0 * kChunkVectors * sizeof(uint4);  // Read and written.
  const double allowed = pace.clock.elapsed_ns() * bytes_per_ns;
  // Who was starved does not catch up: the set rate is the highest, at any time.
  pace.due = max(pace.due, allowed - kChunkBytes);
  if (pace.due > allowed) return kWait;
  pace.due += kChunkBytes;
  return kCopy;
}

// Block b copies its own part of `from` to `to` over and over, at `bytes_per_ns` (read plus written), or only waits
// where that is 0. counters: bytes moved by all blocks, and the longest stay in ns.
__global__ void __launch_bounds__(kThreads, 1)
    hold_kernel(Signals* signals, const int* leave, double longest_ns, const uint4* from, uint4* to,
                std::int64_t part_vectors, double bytes_per_ns, unsigned long long* counters) {
  extern __shared__ char occupied[];
  __shared__ Order order;
  if (threadIdx.x == 0) {
    occupied[0] = 0;
    *static_cast<volatile int*>(&signals->started[blockIdx.x]) = 1;
    __threadfence_system();
  }
  const std::int64_t base = static_cast<std::int64_t>(blockIdx.x) * part_vectors;
  unsigned long long moved = 0;
  Pace pace;
  pace.clock.start();
  std::int64_t at = 0;
  while (true) {
    if (threadIdx.x == 0) {
      order = next_order(signals, leave, longest_ns, bytes_per_ns, pace);
      if (order == kWait) __nanosleep(1000);
    }
    __syncthreads();
    const Order mine = order;
    __syncthreads();  // Before thread 0 writes the next one.
    if (mine == kLeave) break;
    if (mine == kWait) continue;
    const std::int64_t count = min(static_cast<std::int64_t>(kChunkVectors), part_vectors - at);
    copy_chunk(from + base + at, to + base + at, count);
    at = at + count == part_vectors ? 0 : at + count;
    moved += static_cast<unsigned long long>(count) * 2 * sizeof(uint4);
  }
  if (threadIdx.x == 0) {
    atomicAdd(&counters[0], moved);
    atomicMax(&counters[1], global_ns() - pace.clock.begin_ns);
  }
}

class Contention final : public Work {
 public:
  Contention(Device& device, const PlannedPoint& point, std::uint64_t seed)
      : device_(device),
        sms_(static_cast<int>(point.what.parameter("sms_held"))),
        gb_per_s_(static_cast<double>(point.what.parameter("stream_gb_per_s"))),
        gemm_(point.what.library == "cublaslt" ? make_gemm(device, point, seed)
                                               : make_grouped_gemm(device, point, seed)),
        counters_(2),
        leave_(1) {
    if (sms_ >= std::min(device.sms(), kMostHeld)) throw Unsupported("more SMs to hold than the device has");
    if (sms_ == 0) return;
    if (gb_per_s_ > 0) {
      from_ = Buffer<float>(kStreamBytes / 2 / static_cast<std::int64_t>(sizeof(float)));
      to_ = Buffer<float>(from_.size());
      fill(from_, tensor_seed(seed, 20), device.stream());
      device.wait();
    }
    MOESIM_CUDA(cudaDeviceGetAttribute(&shared_bytes_, cudaDevAttrMaxSharedMemoryPerBlockOptin, device.ordinal()));
    cudaFuncAttributes attributes{};
    MOESIM_CUDA(cudaFuncGetAttributes(&attributes, hold_kernel));
    shared_bytes_ = (shared_bytes_ - static_cast<int>(attributes.sharedSizeBytes)) / 128 * 128;
    MOESIM_CUDA(cudaFuncSetAttribute(hold_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes_));
    MOESIM_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    MOESIM_CUDA(cudaStreamCreateWithFlags(&messenger_, cudaStreamNonBlocking));
    MOESIM_CUDA(cudaHostAlloc(reinterpret_cast<void**>(&signals_), sizeof(Signals), cudaHostAllocMapped));
  }
  ~Contention() override {
    if (signals_) tell_to_leave();
    if (messenger_) cudaStreamDestroy(messenger_);
    if (stream_) {
      cudaStreamSynchronize(stream_);
      cudaStreamDestroy(stream_);
    }
    cudaFreeHost(signals_);
  }

  ProbeCheck check() override { return gemm_->check(); }

  // The holder is there for one batch of samples at a time. The product alone has run before (check), so that nothing
  // is loaded, allocated or freed meanwhile, which would wait for the holder.
  std::vector<Sample> sample(std::string_view cache, int count, int launches) override {
    if (sms_ == 0) return gemm_->sample(cache, count, launches);
    if (!warm_) {
      (void)gemm_->sample(cache, 1, 1);
      warm_ = true;
    }
    start();
    std::vector<Sample> samples;
    try {
      samples = gemm_->sample(cache, count, launches);
    } catch (...) {
      tell_to_leave();
      throw;
    }
    stop();
    return samples;
  }

  std::map<std::string, double> observed() const override {
    if (sms_ == 0 || gb_per_s_ == 0) return {};
    return {{"stream_gb_per_s", seen_gb_per_s_}};
  }

 private:
  void start() {
    device_.wait();
    *signals_ = {};
    MOESIM_CUDA(cudaMemsetAsync(counters_.data(), 0, counters_.bytes(), stream_));
    MOESIM_CUDA(cudaMemsetAsync(leave_.data(), 0, leave_.bytes(), stream_));
    const std::int64_t vectors = from_.size() / 4;
    hold_kernel<<<static_cast<unsigned>(sms_), kThreads, static_cast<std::size_t>(shared_bytes_), stream_>>>(
        signals_, leave_.data(), kLongestHoldS * 1e9, reinterpret_cast<const uint4*>(from_.data()),
        reinterpret_cast<uint4*>(to_.data()), vectors / sms_, gb_per_s_ / sms_, counters_.data());
    MOESIM_LAUNCHED();
    const auto begin = std::chrono::steady_clock::now();
    const auto all_started = [this] {
      return std::all_of(signals_->started, signals_->started + sms_,
                         [](int& started) { return std::atomic_ref(started).load() != 0; });
    };
    while (!all_started()) {
      if (std::chrono::steady_clock::now() - begin > std::chrono::duration<double>(kLongestStartS)) {
        tell_to_leave();
        throw std::runtime_error("the kernel that holds SMs did not start in time");
      }
    }
  }

  void stop() {
    const bool stayed = std::atomic_ref(signals_->left_early).load() == 0;
    tell_to_leave();
    MOESIM_CUDA(cudaStreamSynchronize(stream_));
    if (!stayed) throw std::runtime_error("the product took longer than the kernel that holds SMs may stay");
    const std::vector<unsigned long long> counters = counters_.download();
    if (counters[1] > 0) seen_gb_per_s_ = static_cast<double>(counters[0]) / static_cast<double>(counters[1]);
  }

  // By a copy engine, on a stream of its own. Should it fail, the holder leaves by itself.
  void tell_to_leave() {
    signals_->one = 1;
    cudaMemcpyAsync(leave_.data(), &signals_->one, sizeof(int), cudaMemcpyHostToDevice, messenger_);
    cudaStreamSynchronize(messenger_);
  }

  Device& device_;
  int sms_;
  double gb_per_s_;
  std::unique_ptr<StreamWork> gemm_;
  Buffer<unsigned long long> counters_;  // Bytes moved; the longest stay, ns.
  Buffer<int> leave_;                    // Not 0: the holder is to leave.
  Buffer<float> from_;
  Buffer<float> to_;
  int shared_bytes_ = 0;
  bool warm_ = false;
  cudaStream_t stream_ = nullptr;
  cudaStream_t messenger_ = nullptr;
  Signals* signals_ = nullptr;
  double seen_gb_per_s_ = 0;
};

}  // namespace

std::unique_ptr<Work> make_contention(Device& device, const PlannedPoint& point, std::uint64_t seed) {
  return std::make_unique<Contention>(device, point, seed);
}

}  // namespace moesim::probe
