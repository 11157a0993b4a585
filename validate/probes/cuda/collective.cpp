// NCCL's all-reduce and all-to-all over all devices of the process. `bytes` is the message size as nccl-tests prints
// it: of the whole buffer of one rank, in and out.
#include "validate/probes/cuda/device.hpp"

#ifdef MOESIM_HAVE_NCCL

#include <algorithm>

#include <nccl.h>

#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

#define MOESIM_NCCL(call)                                                                        \
  do {                                                                                           \
    const ncclResult_t moesim_result = (call);                                                   \
    if (moesim_result != ncclSuccess) {                                                          \
      throw std::runtime_error(std::string(ncclGetErrorString(moesim_result)) + " (" #call ")"); \
    }                                                                                            \
  } while (false)

namespace moesim::probe {
namespace {

// Makes a device current, and the one from before again at the end.
class Current {
 public:
  explicit Current(int device) {
    MOESIM_CUDA(cudaGetDevice(&before_));
    MOESIM_CUDA(cudaSetDevice(device));
  }
  ~Current() { cudaSetDevice(before_); }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  int before_ = 0;
};

// Calls that NCCL is to see as one. Closed however the scope ends: a group left open would hold back all later calls.
class Group {
 public:
  Group() { MOESIM_NCCL(ncclGroupStart()); }
  ~Group() {
    if (open_) ncclGroupEnd();
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  void end() {
    open_ = false;
    MOESIM_NCCL(ncclGroupEnd());
  }

 private:
  bool open_ = true;
};

struct Rank {
  int device = 0;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr;
  cudaEvent_t stop = nullptr;
};

struct Buffers {
  Buffer<float> in;
  Buffer<float> out;
};

class Collective final : public Work {
 public:
  Collective(const std::vector<Rank>& ranks, const PlannedPoint& point, std::uint64_t seed)
      : ranks_(ranks),
        reduce_(point.what.kernel == MeasuredKernel::all_reduce),
        size_(point.what.parameter("bytes") / static_cast<std::int64_t>(sizeof(float))),
        chunk_(size_ / static_cast<std::int64_t>(ranks.size())),
        seed_(seed),
        buffers_(ranks.size()) {
    if (point.what.parameter("ranks") != static_cast<std::int64_t>(ranks.size()) ||
        chunk_ * static_cast<std::int64_t>(ranks.size()) != size_) {
      throw Unsupported("another number of ranks than devices, or no whole floats for each");
    }
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      const Current current(ranks[r].device);
      buffers_[r].in = Buffer<float>(size_);
      buffers_[r].out = Buffer<float>(size_);
      fill(buffers_[r].in, tensor_seed(seed, r), ranks[r].stream);
      MOESIM_CUDA(cudaStreamSynchronize(ranks[r].stream));
    }
  }

  ProbeCheck check() override {
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      const Current current(ranks_[r].device);
      poison(buffers_[r].out, ranks_[r].stream);
    }
    launch();
    std::vector<ProbeCheck> checks;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      const Current current(ranks_[r].device);
      checks.push_back(all_written(buffers_[r].out, ranks_[r].stream));
      std::vector<double> found;
      std::vector<double> expected;
      for (const std::int64_t i : sample_indices(size_, 256, tensor_seed(seed_, 100))) {
        found.push_back(static_cast<double>(buffers_[r].out.download(i, 1)[0]));
        expected.push_back(this->expected(r, i));
      }
      checks.push_back({relative_error(found, expected), reduce_ ? 1e-6 : 0});
    }
    return worst(checks);
  }

  // All launches of a sample run back to back on each device; the slowest device counts. There is no spin before: the
  // first launch may hold some of the host's time, the others queue meanwhile.
  std::vector<Sample> sample(std::string_view, int count, int launches) override {
    std::vector<Sample> samples;
    for (int i = 0; i < count; ++i) {
      for (const Rank& rank : ranks_) {
        const Current current(rank.device);
        MOESIM_CUDA(cudaStreamSynchronize(rank.stream));
        MOESIM_CUDA(cudaEventRecord(rank.start, rank.stream));
      }
      for (int j = 0; j < launches; ++j) launch();
      float longest_ms = 0;
      for (const Rank& rank : ranks_) {
        const Current current(rank.device);
        MOESIM_CUDA(cudaEventRecord(rank.stop, rank.stream));
      }
      for (const Rank& rank : ranks_) {
        const Current current(rank.device);
        MOESIM_CUDA(cudaEventSynchronize(rank.stop));
        float ms = 0;
        MOESIM_CUDA(cudaEventElapsedTime(&ms, rank.start, rank.stop));
        longest_ms = std::max(longest_ms, ms);
      }
      samples.push_back({static_cast<double>(longest_ms) * 1e3 / launches, 0});
    }
    return samples;
  }

 private:
  void launch() {
    Group group;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      const Rank& rank = ranks_[r];
      const Buffers& buffers = buffers_[r];
      if (reduce_) {
        MOESIM_NCCL(ncclAllReduce(buffers.in.data(), buffers.out.data(), static_cast<std::size_t>(size_), ncclFloat,
                                  ncclSum, rank.communicator, rank.stream));
        continue;
      }
      for (std::size_t peer = 0; peer < ranks_.size(); ++peer) {
        const std::int64_t at = static_cast<std::int64_t>(peer) * chunk_;
        const auto chunk = static_cast<std::size_t>(chunk_);
        const auto to = static_cast<int>(peer);
        MOESIM_NCCL(ncclSend(buffers.in.data() + at, chunk, ncclFloat, to, rank.communicator, rank.stream));
        MOESIM_NCCL(ncclRecv(buffers.out.data() + at, chunk, ncclFloat, to, rank.communicator, rank.stream));
      }
    }
    group.end();
  }

  double input(std::size_t rank, std::int64_t i) const {
    return static_cast<double>(random_bf16(tensor_seed(seed_, rank), static_cast<std::uint64_t>(i)));
  }

  double expected(std::size_t rank, std::int64_t i) const {
    // All-to-all: chunk p of what a rank receives is the chunk for that rank of what p sent.
    if (!reduce_)
      return input(static_cast<std::size_t>(i / chunk_), static_cast<std::int64_t>(rank) * chunk_ + i % chunk_);
    double sum = 0;
    for (std::size_t r = 0; r < ranks_.size(); ++r) sum += input(r, i);
    return sum;
  }

  const std::vector<Rank>& ranks_;
  bool reduce_;
  std::int64_t size_;   // Floats of a rank.
  std::int64_t chunk_;  // Floats between two ranks.
  std::uint64_t seed_;
  std::vector<Buffers> buffers_;
};

class NcclCollectives final : public Collectives {
 public:
  NcclCollectives() {
    int count = 0;
    MOESIM_CUDA(cudaGetDeviceCount(&count));
    if (count < 2) throw Unsupported("one device: a collective needs two");
    std::vector<ncclComm_t> communicators(static_cast<std::size_t>(count));
    std::vector<int> devices;
    for (int d = 0; d < count; ++d) devices.push_back(d);
    MOESIM_NCCL(ncclCommInitAll(communicators.data(), count, devices.data()));
    for (int d = 0; d < count; ++d) {
      const Current current(d);
      Rank rank{d, communicators[static_cast<std::size_t>(d)]};
      MOESIM_CUDA(cudaStreamCreateWithFlags(&rank.stream, cudaStreamNonBlocking));
      MOESIM_CUDA(cudaEventCreate(&rank.start));
      MOESIM_CUDA(cudaEventCreate(&rank.stop));
      ranks_.push_back(rank);
    }
  }
  ~NcclCollectives() override {
    for (const Rank& rank : ranks_) {
      ncclCommDestroy(rank.communicator);
      cudaStreamDestroy(rank.stream);
      cudaEventDestroy(rank.start);
      cudaEventDestroy(rank.stop);
    }
  }
  std::unique_ptr<Work> make(const PlannedPoint& point, std::uint64_t seed) override {
    return std::make_unique<Collective>(ranks_, point, seed);
  }

 private:
  std::vector<Rank> ranks_;
};

}  // namespace

std::unique_ptr<Collectives> make_collectives() { return std::make_unique<NcclCollectives>(); }

std::optional<std::string> nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return std::nullopt;
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace moesim::probe

#else

namespace moesim::probe {

std::unique_ptr<Collectives> make_collectives() { throw Unsupported("built without NCCL"); }
std::optional<std::string> nccl_version() { return std::nullopt; }

}  // namespace moesim::probe

#endif
