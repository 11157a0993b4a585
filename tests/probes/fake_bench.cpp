#include "tests/probes/fake_bench.hpp"

#include <cmath>

#include "validate/probes/host/random_input.hpp"

namespace moesim::probe {
namespace {

class FakeWork final : public Work {
 public:
  FakeWork(FakeBench& bench, const PlannedPoint& point, std::uint64_t seed)
      : bench_(bench), point_(point), seed_(seed) {}

  ProbeCheck check() override { return bench_.check(point_); }

  std::vector<Sample> sample(std::string_view cache, int count, int launches) override {
    std::vector<Sample> samples;
    for (int i = 0; i < count; ++i) {
      bench_.on_sample(bench_.samples++);
      // Whole nanoseconds, as a real timer would give, so that files hold short numbers.
      const double noise = 2 * random_below(seed_, next_++, 1001) / 1000.0 - 1;
      const double cold = cache == "cold" ? 1.25 : 1;
      const double us = std::round(bench_.sample_us * cold * (1 + bench_.jitter * noise) * 1e3) / 1e3;
      samples.push_back({us, bench_.clock_mhz, bench_.host_bound});
      bench_.time_s += bench_.overhead_s + us * launches * 1e-6;
    }
    return samples;
  }

  std::map<std::string, double> observed() const override {
    if (point_.what.kernel != MeasuredKernel::contention) return {};
    return {{"stream_gb_per_s", 397.5}};
  }

 private:
  FakeBench& bench_;
  PlannedPoint point_;
  std::uint64_t seed_;
  std::uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Work> FakeBench::prepare(const PlannedPoint& point, std::uint64_t seed) {
  ++prepared;
  time_s += setup_s;
  on_prepare(point);
  return std::make_unique<FakeWork>(*this, point, seed);
}

ProbeFile fake_header() {
  ProbeFile file;
  file.version = "0.0.0";
  file.command_line = {"moesim-probe", "--quick", "--output", "fake.json"};
  file.seed = 1;
  file.mode = "quick";
  file.state = "complete";
  file.device = {"Fake GPU", "9.0", 1, 132, 80'000'000'000, 52'428'800, 1980, {}, {}, 2.25, {}};
  file.device.versions = {{"driver", "0.0"}, {"cuda_toolkit", "13.0"}, {"cublas", "13.1.0"}};
  return file;
}

}  // namespace moesim::probe
