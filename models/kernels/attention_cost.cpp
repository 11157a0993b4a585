#include "models/kernels/attention_cost.hpp"

namespace moesim {
namespace {

template <class Constants>
void take(Constants& constants, const KernelProfile* profile, std::string_view family, const AttentionTypes& types,
          std::span<const Constant<Constants>> table) {
  const KernelFit* fit = profile == nullptr ? nullptr : profile->find(family, attention_precision(types));
  if (fit != nullptr) constants = typed_constants(*fit, table);
}

}  // namespace

AttentionConstants attention_constants(const KernelProfile* profile, const AttentionTypes& types) {
  AttentionConstants constants;
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

std::string_view attention_family(const AttentionTypes& types, AttentionPhase phase, const AttentionShape& shape) {
  if (phase == AttentionPhase::prefill) return "attention_prefill";
  return takes_grouped_decode(shape, types.cache) ? "attention_decode_grouped" : "attention_decode_per_head";
}

std::string_view attention_family(AttentionPhase phase, const MlaShape&) {
  return phase == AttentionPhase::prefill ? "mla_prefill" : "mla_decode";
}

}  // namespace moesim
