#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "validate/probes/cuda/tensors.hpp"
#include "validate/probes/host/bench.hpp"

namespace moesim::probe {

// What the spin kernel saw of the SM's clock.
struct ClockReading {
  unsigned long long ns;
  long long cycles;
};

// Takes samples by events on one stream. Before each sample a small kernel spins for as long as the host needs to queue
// the launches, so that they then run back to back and no queueing time is measured; the spin itself reads the SM
// clock. It ends by itself after a set time, whatever the host does, so nothing can wait for it forever.
class Timer {
 public:
  Timer(cudaStream_t stream, std::int64_t l2_bytes);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // `queue_us` is how long the host takes for one launch(). If the host is still queueing when the spin may have ended,
  // the samples are taken again with a spin twice as long, a few times, and `queue_us` is raised for the next call.
  // Cold: the L2 is flushed by writing a buffer of twice its size, and `launches` must be 1.
  std::vector<Sample> sample(const std::function<void()>& launch, double& queue_us, std::string_view cache, int count,
                             int launches);

  // How long the host takes to queue launch() once it has run before. Waits for the stream.
  double queue_us(const std::function<void()>& launch);

  double empty_launch_us();  // The median of an empty kernel: what a sample cannot see below.

 private:
  Sample one(const std::function<void()>& launch, double spin_us, int launches);

  cudaStream_t stream_;
  cudaEvent_t start_ = nullptr;
  cudaEvent_t stop_ = nullptr;
  Buffer<char> flush_;
  ClockReading* reading_ = nullptr;  // Pinned host memory that the device writes.
};

}  // namespace moesim::probe
