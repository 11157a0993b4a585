#include <algorithm>

#include <fmt/format.h>

#include "models/kernels/gemm_model.hpp"
#include "validate/families/families.hpp"

namespace moesim {
namespace {

GemmShape gemm_shape(const Measurement& row) {
  return {.m = row.parameter("m"),
          .n = row.parameter("n"),
          .k = row.parameter("k"),
          .input_bytes = bytes_per_element(measured_type(row.dtype)),
          .output_bytes = bytes_per_element(DataType::bf16)};
}

CacheState cache_state(std::string_view cache) {
  if (cache == "cold") return CacheState::cold;
  return cache == "hot" ? CacheState::hot : CacheState::rotating;
}

class GemmFitter final : public KernelFitter {
 public:
  std::string_view family() const override { return "gemm"; }

  bool covers(const Measurement& row) const override {
    const bool known = row.dtype == "bf16" || row.dtype == "fp16" || row.dtype == "fp8" || row.dtype == "fp8_block";
    return row.kernel == MeasuredKernel::gemm && known && row.parameter("m") > 0 && row.parameter("n") > 0 &&
           row.parameter("k") > 0;
  }

  bool knows_caches() const override { return true; }
  // fp16 runs on bf16's units.
  std::string precision(const Measurement& row) const override { return row.dtype == "fp16" ? "bf16" : row.dtype; }

  std::string shape(const Measurement& row) const override {
    return fmt::format("{} {}", row.parameter("n"), row.parameter("k"));
  }
  std::string_view split_by() const override { return "n, k"; }
  double band() const override { return 0.08; }

  std::vector<std::pair<std::string_view, double>> fixed(const Device&, std::string_view precision,
                                                         std::string_view) const override {
    if (precision == "bf16") return {{"quantize_us_per_million", 0}, {"ragged_us", 0}};
    if (precision == "fp8") return {{"ragged_us", 0}};
    return {};
  }

  std::vector<std::pair<std::string_view, double>> starts(std::string_view precision, std::string_view) const override {
    if (precision == "bf16") return {};
    return {{"quantize_us_per_million", 2}, {"launch_us", 8}, {"drop_per_decade", 0.07}};
  }

  Predict predictor(const Device& device, std::span<const Measurement> rows) const override {
    struct Row {
      GemmShape shape;
      FlopRate peak;
      TileSchedule schedule;
      CacheState cache;
    };
    std::vector<Row> prepared;
    for (const Measurement& row : rows) {
      prepared.push_back({gemm_shape(row), device.peak_flops(measured_type(row.dtype)), gemm_schedule(row.dtype),
                          cache_state(row.cache)});
    }
    return [device, prepared](std::span<const double> constants, std::span<double> us) {
      const auto typed = typed_constants(constants, gemm_constants());
      for (std::size_t i = 0; i < prepared.size(); ++i) {
        const Row& row = prepared[i];
        us[i] = gemm_time(typed, row.schedule, device, row.peak, row.shape, row.cache).us;
      }
    };
  }

  double roofline_us(const Device& device, const Measurement& row) const override {
    const GemmShape s = gemm_shape(row);
    const auto m = static_cast<double>(s.m);
    const auto n = static_cast<double>(s.n);
    const auto k = static_cast<double>(s.k);
    const double flops = 2 * m * n * k;
    const double bytes = (m * k + n * k) * s.input_bytes + m * n * s.output_bytes;
    return 1e6 * std::max(flops / device.peak_flops(measured_type(row.dtype)).flop_per_s(),
                          bytes / device.memory.bytes_per_s());
  }
};

}  // namespace

std::unique_ptr<KernelFitter> gemm_fitter() { return std::make_unique<GemmFitter>(); }

}  // namespace moesim
