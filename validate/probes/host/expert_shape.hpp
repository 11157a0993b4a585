#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moesim::probe {

// The experts of one model, as its card in models/catalog has them (tests/probes holds the two together).
struct ExpertShape {
  std::string_view model;
  std::int64_t hidden = 1;
  std::int64_t width = 1;
  std::int64_t experts = 1;
  std::int64_t top_k = 1;
  int matrices = 3;                         // 3 gated, 2 plain.
  std::int64_t groups = 1;                  // Of a group-limited choice; 1 where there is none.
  std::int64_t groups_kept = 1;             //
  std::vector<std::int64_t> local_experts;  // How many one rank may have: the points of the plan.
  std::int64_t up_columns() const { return (matrices - 1) * width; }  // Of the first grouped product.
};

std::span<const ExpertShape> expert_shapes();
const ExpertShape& expert_shape(std::string_view model);

}  // namespace moesim::probe
