#include "validate/probes/host/expert_shape.hpp"

#include <array>

#include "sim/check.hpp"

namespace moesim::probe {

std::span<const ExpertShape> expert_shapes() {
  static const std::array<ExpertShape, 5> kShapes{{
      {"mixtral-8x7b", 4096, 14336, 8, 2, 3, 1, 1, {1, 2, 8}},
      {"deepseek-v2", 5120, 1536, 160, 6, 3, 1, 1, {20, 160}},
      {"deepseek-v3", 7168, 2048, 256, 8, 3, 8, 4, {1, 4, 8, 32, 256}},
      {"qwen3-235b-a22b", 4096, 1536, 128, 8, 3, 1, 1, {16, 128}},
      {"switch-c", 2080, 6144, 2048, 1, 2, 1, 1, {1, 16, 256}},
  }};
  return kShapes;
}

const ExpertShape& expert_shape(std::string_view model) {
  for (const ExpertShape& shape : expert_shapes()) {
    if (shape.model == model) return shape;
  }
  MOESIM_CHECK(false, "no experts of {}", model);
}

}  // namespace moesim::probe
