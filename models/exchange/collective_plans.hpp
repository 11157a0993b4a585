#pragma once

#include <algorithm>
#include <cstdint>

#include "models/exchange/collective.hpp"
#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {

// The i-th of `pieces` nearly equal parts of `whole`: they add up to it.
inline Bytes part(Bytes whole, std::int64_t i, std::int64_t pieces) {
  return {whole.count / pieces * (i + 1) + whole.count % pieces * (i + 1) / pieces - whole.count / pieces * i -
          whole.count % pieces * i / pieces};
}

// How many rings or double trees the bytes are split over.
inline int channels(const CollectiveRequest& request) {
  return request.layout.nodes() == 1 ? 1 : std::clamp(request.channels, 1, request.layout.ranks_per_node);
}

// One file an algorithm.
void add_direct(const CollectiveRequest& request, PlanBuilder& builder);
void add_ring(const CollectiveRequest& request, PlanBuilder& builder);
void add_tree(const CollectiveRequest& request, PlanBuilder& builder);
void add_hierarchical(const CollectiveRequest& request, PlanBuilder& builder);
void add_in_network(const CollectiveRequest& request, PlanBuilder& builder);

}  // namespace moesim::detail
