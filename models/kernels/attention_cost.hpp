#pragma once

#include <string_view>
#include <vector>

#include "models/caveat.hpp"
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
  PrefillConstants mla_prefill{.launch_us = 13,
                               .tile_us = 2.2,
                               .peak_fraction = 0.85,
                               .exposed_exponentials = 0.7,
                               .query_passes = 1,
                               .key_value_passes = 2.7};
  MlaDecodeConstants mla_decode;
};
// What a profile has for these types, and for the rest uncalibrated defaults, rounded from H100's fits in the same
// types. Null is no profile.
AttentionConstants attention_constants(const KernelProfile* profile, const AttentionTypes& types);

// Attention of one layer on one device, from queries, keys and values to outputs: no projections, but the rotation of
// the queries and the appending to the cache.
KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const AttentionShape& shape);
KernelCost attention_cost(const AttentionConstants& constants, const Device& device, const AttentionTypes& types,
                          AttentionPhase phase, const MlaShape& shape);

// What to know before leaning on such a cost: "uncalibrated" where the profile has no fit for the kernel,
// "outside_profile" where the shape is outside what was measured for it, as shared keys and speculation always are, and
// "data_type_fallback".
std::vector<Caveat> attention_caveats(const KernelProfile* profile, const Device& device, const AttentionTypes& types,
                                      AttentionPhase phase, const AttentionShape& shape);
std::vector<Caveat> attention_caveats(const KernelProfile* profile, const Device& device, const AttentionTypes& types,
                                      AttentionPhase phase, const MlaShape& shape);

// The family that such a cost is of, as profiles name it.
std::string_view attention_family(const AttentionTypes& types, AttentionPhase phase, const AttentionShape& shape);
std::string_view attention_family(const AttentionTypes& types, AttentionPhase phase, const MlaShape& shape);

}  // namespace moesim
