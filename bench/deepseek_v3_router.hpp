#pragma once

#include "models/routing/router_spec.hpp"

namespace moesim::bench {

// The router of DeepSeek-V3: 256 experts, top-8, sigmoid scores, at most four of eight nodes. `kind` for what else the
// same experts could be chosen by.
inline RouterSpec deepseek_v3_router(RoutingKind kind = RoutingKind::node_limited, Skew skew = {}) {
  RouterSpec spec;
  spec.kind = kind;
  spec.num_experts = 256;
  spec.top_k = 8;
  spec.scoring = Scoring::sigmoid;
  spec.normalize = true;
  spec.groups = 8;
  spec.groups_kept = 4;
  if (kind == RoutingKind::device_limited) spec.group_score = GroupScore::best;
  spec.skew = skew;
  return spec;
}

}  // namespace moesim::bench
