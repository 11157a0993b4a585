#pragma once

#include <string_view>

#include "models/kernels/attention_decode.hpp"
#include "models/kernels/attention_prefill.hpp"
#include "models/kernels/kernel_profile.hpp"
#include "models/kernels/mla_decode.hpp"

namespace moesim {

// The constants of all attention kernels in one pair of types.
struct AttentionConstants {
  PrefillConstants prefill;
  GroupedDecodeConstants grouped_decode;
  PerHeadDecodeConstants per_head_decode;
  PrefillConstants mla_prefill;
  MlaDecodeConstants mla_decode;
};
// What a profile has for these types, and the uncalibrated defaults for the rest. Null is no profile.
AttentionConstants attention_constants(const KernelProfile* profile, const AttentionTypes& types);

// Attention of one layer on one device, from queries, keys and values to outputs: no projections, but the rotation of
// the queries and the appending to the cache.
KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const AttentionShape& shape);
KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const MlaShape& shape);

// The family that such a cost is of, as profiles name it.
std::string_view attention_family(const AttentionTypes& types, AttentionPhase phase, const AttentionShape& shape);
std::string_view attention_family(AttentionPhase phase, const MlaShape& shape);

}  // namespace moesim
