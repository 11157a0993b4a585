#include "models/kernels/attention_cost.hpp"

#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace moesim {
namespace {

template <class Constants>
void take(Constants& constants, const KernelProfile* profile, std::string_view family, const AttentionTypes& types,
          std::span<const Constant<Constants>> table) {
  const KernelFit* fit = profile == nullptr ? nullptr : profile->find(family, attention_precision(types));
  if (fit != nullptr) constants = typed_constants(*fit, table);
}

// Parameters as rows name them.
template <class Shape>
std::vector<std::pair<std::string_view, double>> parameters(AttentionPhase phase, const Shape& shape) {
  std::vector<std::pair<std::string_view, double>> result{{"batch", static_cast<double>(shape.batch)},
                                                          {"heads", static_cast<double>(shape.heads)},
                                                          {"context", static_cast<double>(shape.cached)}};
  if (phase == AttentionPhase::prefill) result.emplace_back("tokens", static_cast<double>(shape.new_tokens));
  if constexpr (std::is_same_v<Shape, AttentionShape>) {
    result.emplace_back("kv_heads", static_cast<double>(shape.kv_heads));
    result.emplace_back("head_dim", static_cast<double>(shape.head_dim));
  }
  return result;
}

template <class Shape>
std::vector<Caveat> caveats(const KernelProfile* profile, const Device& device, const AttentionTypes& types,
                            AttentionPhase phase, const Shape& shape) {
  std::vector<Caveat> result;
  if (auto fallback = device.peak_caveat(types.compute)) result.push_back(*std::move(fallback));
  if (phase == AttentionPhase::prefill && types.cache != types.compute) {  // It computes in the narrower type.
    if (auto fallback = device.peak_caveat(types.cache)) result.push_back(*std::move(fallback));
  }
  const std::string_view family = attention_family(types, phase, shape);
  const std::string precision = attention_precision(types);
  const KernelFit* fit = profile == nullptr ? nullptr : profile->find(family, precision);
  if (fit == nullptr) {
    result.push_back(
        {"uncalibrated", fmt::format("{} in {} rests on constants rounded from H100, not on kernels measured on {}.",
                                     family, precision, device.name)});
    return result;
  }
  std::optional<std::string> outside = fit->outside(parameters(phase, shape));
  if (!outside && shape.shared > 0) {
    outside = fmt::format("{} was measured without keys that sequences share", family);
  }
  if (!outside && phase == AttentionPhase::decode && shape.new_tokens > 1) {
    outside = fmt::format("{} was measured for one new token, and is asked for {}", family, shape.new_tokens);
  }
  if (outside) result.push_back({"extrapolated", *outside + "."});
  return result;
}

}  // namespace

AttentionConstants attention_constants(const KernelProfile* profile, const AttentionTypes& types) {
  AttentionConstants constants;
  if (types.cache == DataType::fp8) {  // Kernels of their own: further from a peak that is twice as high.
    constants.prefill.peak_fraction = 0.65;
    constants.prefill.exposed_exponentials = 1;
    constants.grouped_decode.start_us = 0.7;
    constants.grouped_decode.wide_start_us = 0;
    constants.grouped_decode.tile_us = 0.15;
    constants.grouped_decode.row_us = 0.05;
    constants.mla_prefill.launch_us = 16;
    constants.mla_prefill.peak_fraction = 0.49;
    constants.mla_prefill.query_passes = 2.4;
    constants.mla_decode.peak_fraction = 0.76;
  }
  take(constants.prefill, profile, "attention_prefill", types, prefill_constants());
  take(constants.grouped_decode, profile, "attention_decode_grouped", types, grouped_decode_constants());
  take(constants.per_head_decode, profile, "attention_decode_per_head", types, per_head_decode_constants());
  take(constants.mla_prefill, profile, "mla_prefill", types, prefill_constants());
  take(constants.mla_decode, profile, "mla_decode", types, mla_decode_constants());
  return constants;
}

KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const AttentionShape& shape) {
  return kernel_cost(phase == AttentionPhase::prefill ? prefill_time(constants.prefill, device, types, shape)
                                                      : decode_time(constants.grouped_decode, constants.per_head_decode,
                                                                    device, types.cache, shape));
}

KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const MlaShape& shape) {
  return kernel_cost(phase == AttentionPhase::prefill
                         ? mla_prefill_time(constants.mla_prefill, device, types, shape)
                         : mla_decode_time(constants.mla_decode, device, types.cache, shape));
}

std::vector<Caveat> attention_caveats(const KernelProfile* profile, const Device& device, const AttentionTypes& types,
                                      AttentionPhase phase, const AttentionShape& shape) {
  return caveats(profile, device, types, phase, shape);
}

std::vector<Caveat> attention_caveats(const KernelProfile* profile, const Device& device, const AttentionTypes& types,
                                      AttentionPhase phase, const MlaShape& shape) {
  return caveats(profile, device, types, phase, shape);
}

std::string_view attention_family(const AttentionTypes& types, AttentionPhase phase, const AttentionShape& shape) {
  if (phase == AttentionPhase::prefill) return "attention_prefill";
  return takes_grouped_decode(shape, types.cache) ? "attention_decode_grouped" : "attention_decode_per_head";
}

std::string_view attention_family(const AttentionTypes&, AttentionPhase phase, const MlaShape&) {
  return phase == AttentionPhase::prefill ? "mla_prefill" : "mla_decode";
}

}  // namespace moesim
