#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include "models/kernels/attention_decode.hpp"
#include "models/kernels/attention_prefill.hpp"
#include "models/kernels/mla_decode.hpp"
#include "validate/families/families.hpp"

namespace moesim {
namespace {

AttentionTypes types_of(const Measurement& row) {
  return {.compute = measured_type(row.dtype), .cache = measured_type(row.kv_dtype)};
}

bool prefills(const Measurement& row) {
  return row.kernel == MeasuredKernel::attention_prefill || row.kernel == MeasuredKernel::mla_prefill;
}

// Decode rows count the keys from before the token that is timed, whose own key comes on top.
std::int64_t new_tokens(const Measurement& row) { return prefills(row) ? row.parameter("tokens") : 1; }

AttentionShape heads_shape(const Measurement& row) {
  return {.batch = row.parameter("batch"),
          .heads = row.parameter("heads"),
          .kv_heads = row.parameter("kv_heads"),
          .head_dim = row.parameter("head_dim"),
          .new_tokens = new_tokens(row),
          .cached = row.parameter("context")};
}

MlaShape latent_shape(const Measurement& row) {
  return {.batch = row.parameter("batch"),
          .heads = row.parameter("heads"),
          .new_tokens = new_tokens(row),
          .cached = row.parameter("context")};
}

// A row that the models have an answer for. A length of 0 or heads that do not divide are no attention.
bool is_shape(const Measurement& row) {
  const bool latent = row.kernel == MeasuredKernel::mla_prefill || row.kernel == MeasuredKernel::mla_decode;
  if (row.parameter("batch") == 0 || row.parameter("heads") == 0 || new_tokens(row) == 0) return false;
  return latent || (row.parameter("head_dim") > 0 && row.parameter("kv_heads") > 0 &&
                    row.parameter("heads") % row.parameter("kv_heads") == 0);
}

// What the families differ in: the table of constants and the time.
template <class Constants, class Shape>
class AttentionFitter : public KernelFitter {
 public:
  using Time = AttentionTime (*)(const Constants&, const Device&, const AttentionTypes&, const Shape&);
  AttentionFitter(std::string_view family, MeasuredKernel kernel, std::span<const Constant<Constants>> table, Time time)
      : family_(family), kernel_(kernel), table_(table), time_(time) {}

  std::string_view family() const override { return family_; }
  bool covers(const Measurement& row) const override { return row.kernel == kernel_ && is_shape(row); }
  std::string precision(const Measurement& row) const override { return fmt::format("{}/{}", row.dtype, row.kv_dtype); }

  std::string shape(const Measurement& row) const override {
    if constexpr (kLatent) return fmt::format("{} {}", row.parameter("heads"), row.parameter("batch"));
    return fmt::format("{} {} {}", row.parameter("heads"), row.parameter("kv_heads"), row.parameter("head_dim"));
  }
  std::string_view split_by() const override { return kLatent ? "heads, batch" : "heads, kv_heads, head_dim"; }
  double band() const override { return 0.12; }

  Predict predictor(const Device& device, std::span<const Measurement> rows) const override {
    std::vector<std::pair<AttentionTypes, Shape>> prepared;
    for (const Measurement& row : rows) prepared.emplace_back(types_of(row), shape_of(row));
    return [device, prepared, table = table_, time = time_](std::span<const double> constants, std::span<double> us) {
      const auto typed = typed_constants(constants, table);
      for (std::size_t i = 0; i < prepared.size(); ++i) {
        us[i] = time(typed, device, prepared[i].first, prepared[i].second).us;
      }
    };
  }

  double roofline_us(const Device& device, const Measurement& row) const override {
    const AttentionTypes types = types_of(row);
    const DataType fed = prefills(row) && types.cache == DataType::fp8 ? DataType::fp8 : types.compute;
    // FLOPs and bytes are the shape's alone.
    const AttentionTime work = time_({}, device, types, shape_of(row));
    return 1e6 *
           std::max(work.flops / device.peak_flops(fed).flop_per_s(), work.hbm_bytes / device.memory.bytes_per_s());
  }

 private:
  static constexpr bool kLatent = std::is_same_v<Shape, MlaShape>;

  static Shape shape_of(const Measurement& row) {
    if constexpr (kLatent)
      return latent_shape(row);
    else
      return heads_shape(row);
  }

  std::string_view family_;
  MeasuredKernel kernel_;
  std::span<const Constant<Constants>> table_;
  Time time_;
};

class GroupedDecodeFitter final : public AttentionFitter<GroupedDecodeConstants, AttentionShape> {
 public:
  using AttentionFitter::AttentionFitter;

  bool covers(const Measurement& row) const override {
    return AttentionFitter::covers(row) && takes_grouped_decode(heads_shape(row), measured_type(row.kv_dtype));
  }

  // Either kernel's rows leave one of the two without a value of its own.
  std::vector<std::pair<std::string_view, double>> fixed(const Device&, std::string_view precision,
                                                         std::string_view) const override {
    if (precision.ends_with("/fp8")) return {{"wide_start_us", 0}};
    return {{"tile_us", 0}};
  }

  std::vector<std::pair<std::string_view, double>> starts(std::string_view precision, std::string_view) const override {
    if (precision.ends_with("/fp8")) return {{"start_us", 0.7}, {"tile_us", 0.15}};
    return {};
  }
};

class PerHeadDecodeFitter final : public AttentionFitter<PerHeadDecodeConstants, AttentionShape> {
 public:
  using AttentionFitter::AttentionFitter;

  bool covers(const Measurement& row) const override {
    return AttentionFitter::covers(row) && !takes_grouped_decode(heads_shape(row), measured_type(row.kv_dtype));
  }
};

class MlaPrefillFitter final : public AttentionFitter<PrefillConstants, MlaShape> {
 public:
  using AttentionFitter::AttentionFitter;

  // Rows of one width cannot tell exponentials from products.
  std::vector<std::pair<std::string_view, double>> fixed(const Device&, std::string_view,
                                                         std::string_view) const override {
    return {{"exposed_exponentials", 0.7}};
  }
};

}  // namespace

std::unique_ptr<KernelFitter> attention_prefill_fitter() {
  return std::make_unique<AttentionFitter<PrefillConstants, AttentionShape>>(
      "attention_prefill", MeasuredKernel::attention_prefill, prefill_constants(), prefill_time);
}

std::unique_ptr<KernelFitter> grouped_decode_fitter() {
  return std::make_unique<GroupedDecodeFitter>(
      "attention_decode_grouped", MeasuredKernel::attention_decode, grouped_decode_constants(),
      [](const GroupedDecodeConstants& constants, const Device& device, const AttentionTypes& types,
         const AttentionShape& shape) { return grouped_decode_time(constants, device, types.cache, shape); });
}

std::unique_ptr<KernelFitter> per_head_decode_fitter() {
  return std::make_unique<PerHeadDecodeFitter>(
      "attention_decode_per_head", MeasuredKernel::attention_decode, per_head_decode_constants(),
      [](const PerHeadDecodeConstants& constants, const Device& device, const AttentionTypes& types,
         const AttentionShape& shape) { return per_head_decode_time(constants, device, types.cache, shape); });
}

std::unique_ptr<KernelFitter> mla_prefill_fitter() {
  return std::make_unique<MlaPrefillFitter>("mla_prefill", MeasuredKernel::mla_prefill, prefill_constants(),
                                            mla_prefill_time);
}

std::unique_ptr<KernelFitter> mla_decode_fitter() {
  return std::make_unique<AttentionFitter<MlaDecodeConstants, MlaShape>>(
      "mla_decode", MeasuredKernel::mla_decode, mla_decode_constants(),
      [](const MlaDecodeConstants& constants, const Device& device, const AttentionTypes& types,
         const MlaShape& shape) { return mla_decode_time(constants, device, types.cache, shape); });
}

}  // namespace moesim
