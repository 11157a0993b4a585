#include "models/kernels/layer_memory.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr std::int64_t kScoreBytes = 4;      // fp32
constexpr std::int64_t kSelectionBytes = 8;  // An index and a weight.

Bytes scaled(std::int64_t count, double bytes_each) {
  return {static_cast<std::int64_t>(std::ceil(static_cast<double>(count) * bytes_each))};
}

std::int64_t gate_parameters(const MoeLayerShape& shape) { return shape.hidden * shape.gate_experts; }

std::int64_t expert_parameters(const MoeLayerShape& shape) {
  return shape.expert_matrices * shape.hidden * (shape.experts_on_rank * shape.expert_width + shape.shared_width);
}

// What one stack of up product, function, down product over `rows` hands from step to step.
struct Steps {
  Bytes input, up, function, output;

  Bytes kept() const { return input + up + function + output; }
  // Each step needs its inputs and its outputs.
  Bytes live() const { return std::max({input + up, up + function, function + output}); }
};

Steps steps(const MoeLayerShape& shape, std::int64_t rows, std::int64_t up_columns, std::int64_t width) {
  return {.input = matrix_bytes(rows, shape.hidden, shape.compute),
          .up = matrix_bytes(rows, up_columns, shape.activation),
          .function = matrix_bytes(rows, width, shape.compute),
          .output = matrix_bytes(rows, shape.hidden, shape.activation)};
}

}  // namespace

std::int64_t layer_parameters(const MoeLayerShape& shape) { return expert_parameters(shape) + gate_parameters(shape); }

LayerMemory layer_memory(const MoeLayerShape& shape, const MoeRankLoad& most, const MemoryOptions& options) {
  MOESIM_CHECK(options.optimizer_shards > 0, "{} optimizer shards", options.optimizer_shards);
  std::int64_t rows = 0;
  for (const std::int64_t r : most.expert_tokens) rows += r;
  LayerMemory memory;
  memory.weights = scaled(expert_parameters(shape), bytes_per_element(options.weight)) +
                   scaled(gate_parameters(shape), bytes_per_element(shape.gate));
  const Steps routed = steps(shape, rows, shape.up_columns(), shape.expert_width);
  const Bytes tokens = matrix_bytes(most.tokens, shape.hidden, shape.activation);
  const Bytes choices{most.tokens * (shape.gate_experts * kScoreBytes + shape.top_k * kSelectionBytes)};
  if (options.backward) {
    memory.gradients = scaled(layer_parameters(shape), bytes_per_element(shape.gradient));
    memory.optimizer = scaled(layer_parameters(shape), options.optimizer_bytes_a_weight / options.optimizer_shards);
    memory.activations = tokens + choices + routed.kept();
    if (shape.shared_width > 0) {
      const Steps shared = steps(shape, most.tokens, shape.shared_up_columns(), shape.shared_width);
      memory.activations += shared.up + shared.function;  // Its input is the tokens; its output goes into the sum.
    }
  } else {
    memory.activations = tokens + choices + routed.live();
  }
  // Dispatch and combine take turns, so that one pair of buffers serves both.
  memory.buffers = std::max(most.packed_rows * most.dispatch_copy, most.returned_rows * most.combine_copy) +
                   most.received_rows * std::max(most.dispatch_copy, most.combine_copy);
  return memory;
}

}  // namespace moesim
