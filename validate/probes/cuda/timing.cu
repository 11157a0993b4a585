#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "validate/probes/cuda/timing.hpp"
#include "validate/probes/host/statistics.hpp"

namespace moesim::probe {
namespace {

constexpr double kShortestSpinUs = 30;  // Long beside a tick of the global timer, about 1 us: a clock within 3 %.
constexpr double kLongestSpinUs = 20000;
constexpr double kSpinMargin = 1.5;  // Over the time in which the host queued the launches before.
constexpr double kSpinSlackUs = 20;
constexpr int kMostTries = 5;     // Of a batch of samples, each with a spin twice as long.
constexpr double kL2Flushes = 2;  // Times the L2: some replacement policies keep part of it in one pass.

__device__ unsigned long long global_ns() {
  unsigned long long ns;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
  return ns;
}

// From one tick of the global timer to the first tick that is at least `ns` later.
__global__ void spin_kernel(unsigned long long ns, ClockReading* reading) {
  const unsigned long long before = global_ns();
  unsigned long long begin = before;
  while (begin == before) begin = global_ns();
  const long long first = clock64();
  unsigned long long now = begin;
  while (now - begin < ns) now = global_ns();
  const long long last = clock64();
  *reading = {now - begin, last - first};
}

__global__ void empty_kernel() {}

}  // namespace

Timer::Timer(cudaStream_t stream, std::int64_t l2_bytes)
    : stream_(stream), flush_(static_cast<std::int64_t>(kL2Flushes * static_cast<double>(l2_bytes))) {
  MOESIM_CUDA(cudaEventCreate(&start_));
  MOESIM_CUDA(cudaEventCreate(&stop_));
  MOESIM_CUDA(cudaHostAlloc(reinterpret_cast<void**>(&reading_), sizeof(ClockReading), cudaHostAllocMapped));
}

Timer::~Timer() {
  cudaEventDestroy(start_);
  cudaEventDestroy(stop_);
  cudaFreeHost(reading_);
}

Sample Timer::one(const std::function<void()>& launch, double spin_us, int launches) {
  *reading_ = {0, 0};
  const auto begin = std::chrono::steady_clock::now();
  spin_kernel<<<1, 1, 0, stream_>>>(static_cast<unsigned long long>(spin_us * 1e3), reading_);
  MOESIM_LAUNCHED();
  MOESIM_CUDA(cudaEventRecord(start_, stream_));
  for (int j = 0; j < launches; ++j) launch();
  MOESIM_CUDA(cudaEventRecord(stop_, stream_));
  // The spin began after `begin`, so within its time everything was queued before it ended.
  const double queueing_us =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  MOESIM_CUDA(cudaEventSynchronize(stop_));
  float ms = 0;
  MOESIM_CUDA(cudaEventElapsedTime(&ms, start_, stop_));
  const double mhz =
      reading_->ns == 0 ? 0 : static_cast<double>(reading_->cycles) * 1e3 / static_cast<double>(reading_->ns);
  return {static_cast<double>(ms) * 1e3 / launches, mhz, queueing_us > spin_us};
}

std::vector<Sample> Timer::sample(const std::function<void()>& launch, double& queue_us, std::string_view cache,
                                  int count, int launches) {
  const bool cold = cache == "cold";
  if (cold && launches != 1) throw std::logic_error("a cold sample is one launch");
  std::vector<Sample> samples;
  for (int tries = 1;; ++tries) {
    const double spin_us =
        std::clamp(queue_us * launches * kSpinMargin + kSpinSlackUs, kShortestSpinUs, kLongestSpinUs);
    const bool last = tries == kMostTries || spin_us == kLongestSpinUs;
    bool late = false;
    for (int i = 0; i < count && (last || !late); ++i) {
      if (cold) MOESIM_CUDA(cudaMemsetAsync(flush_.data(), i & 0xff, flush_.bytes(), stream_));
      samples.push_back(one(launch, spin_us, launches));
      late = late || samples.back().host_bound;
    }
    if (!late || last) return samples;
    samples.clear();
    queue_us = (2 * spin_us - kSpinSlackUs) / (launches * kSpinMargin);
  }
}

double Timer::queue_us(const std::function<void()>& launch) {
  launch();
  MOESIM_CUDA(cudaStreamSynchronize(stream_));
  const auto begin = std::chrono::steady_clock::now();
  launch();
  const auto end = std::chrono::steady_clock::now();
  MOESIM_CUDA(cudaStreamSynchronize(stream_));
  return std::chrono::duration<double, std::micro>(end - begin).count();
}

double Timer::empty_launch_us() {
  const auto launch = [this] {
    empty_kernel<<<1, 32, 0, stream_>>>();
    MOESIM_LAUNCHED();
  };
  double queue = queue_us(launch);
  std::vector<double> times;
  for (const Sample& sample : this->sample(launch, queue, "hot", 50, 1)) times.push_back(sample.us);
  return summarize(times).median;
}

}  // namespace moesim::probe
