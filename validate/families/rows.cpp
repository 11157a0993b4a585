#include <fmt/format.h>

#include "models/kernels/row_model.hpp"
#include "validate/families/families.hpp"

namespace moesim {
namespace {

constexpr double kElement = 2;  // bf16, what the probes' rows are in.

RowOrder order_of(const Measurement& row) {
  if (row.kernel == MeasuredKernel::permute) return RowOrder::permute;
  return row.kernel == MeasuredKernel::unpermute ? RowOrder::scatter : RowOrder::stream;
}

// Each input read once, each output written once. swiglu_quantize is not among them: the probe's is bound by its
// arithmetic, as it takes as long on H200 as on H100.
double bytes_of(const Measurement& row) {
  const auto p = [&](std::string_view name) { return static_cast<double>(row.parameter(name)); };
  switch (row.kernel) {
    case MeasuredKernel::copy:
    case MeasuredKernel::triad:
      return p("bytes");
    case MeasuredKernel::swiglu:
      return p("rows") * p("width") * 3 * kElement;
    case MeasuredKernel::permute:
    case MeasuredKernel::unpermute:
      return p("tokens") * (1 + p("top_k")) * p("hidden") * kElement;
    default:
      return 0;
  }
}

class RowFitter final : public KernelFitter {
 public:
  std::string_view family() const override { return "rows"; }
  bool covers(const Measurement& row) const override {
    return bytes_of(row) > 0 && (row.dtype.empty() || row.dtype == "bf16");
  }
  std::string library(const Measurement&) const override { return "any"; }  // All move bytes, none does it cleverly.
  std::string precision(const Measurement&) const override { return "bf16"; }
  std::string shape(const Measurement& row) const override { return row.text(); }
  std::string_view split_by() const override { return "the whole shape"; }
  double band() const override { return 0.15; }

  Predict predictor(const Device& device, std::span<const Measurement> rows) const override {
    std::vector<std::pair<double, RowOrder>> prepared;
    for (const Measurement& row : rows) prepared.emplace_back(bytes_of(row), order_of(row));
    return [device, prepared](std::span<const double> constants, std::span<double> us) {
      const auto typed = typed_constants(constants, row_constants());
      for (std::size_t i = 0; i < prepared.size(); ++i) {
        us[i] = row_time_us(typed, device, prepared[i].first, prepared[i].second);
      }
    };
  }

  double roofline_us(const Device& device, const Measurement& row) const override {
    return 1e6 * bytes_of(row) / device.memory.bytes_per_s();
  }
};

}  // namespace

std::unique_ptr<KernelFitter> row_fitter() { return std::make_unique<RowFitter>(); }

}  // namespace moesim
