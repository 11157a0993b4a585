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

std::int64_t gate_parameters(const MoeLayerShape& shape) { return shape.hidden * shape.gate_columns(); }

std::int64_t expert_parameters(const MoeLayerShape& shape) {
  return shape.experts_on_rank * routed_expert_parameters(shape) +
         shape.expert_matrices * shape.hidden * shape.shared_width;
}

// What one stack of up product, function, down product over `rows` hands from step to step.
struct Steps {
  Bytes input, up, function, output;

  Bytes kept() const { return input + up + function + output; }
  // Each step needs its inputs and its outputs.
  Bytes live() const { return std::max({input + up, up + function, function + output}); }
};

Steps routed_steps(const MoeLayerShape& shape, std::int64_t rows) {
  return {.input = matrix_bytes(rows, shape.copy_width(), shape.compute),
          .up = matrix_bytes(rows, shape.up_columns(), shape.activation),
          .function = matrix_bytes(rows, shape.expert_width, shape.compute),
          .output = matrix_bytes(rows, shape.copy_width(), shape.activation)};
}

// Their input is the tokens, which are counted apart.
Steps shared_steps(const MoeLayerShape& shape, std::int64_t tokens) {
  if (shape.shared_width == 0) return {};
  return {.input = {},
          .up = matrix_bytes(tokens, shape.shared_up_columns(), shape.activation),
          .function = matrix_bytes(tokens, shape.shared_width, shape.compute),
          .output = matrix_bytes(tokens, shape.hidden, shape.activation)};
}

}  // namespace

std::int64_t routed_expert_parameters(const MoeLayerShape& shape) {
  return shape.expert_matrices * shape.copy_width() * shape.expert_width;
}

std::int64_t layer_parameters(const MoeLayerShape& shape) { return expert_parameters(shape) + gate_parameters(shape); }

LayerMemory layer_memory(const MoeLayerShape& shape, const MoeRankLoad& most, const MemoryOptions& options) {
  MOESIM_CHECK(options.optimizer_shards > 0, "{} optimizer shards", options.optimizer_shards);
  std::int64_t rows = 0;
  for (const std::int64_t r : most.expert_tokens) rows += r;
  LayerMemory memory;
  memory.weights = scaled(expert_parameters(shape), bytes_per_element(options.weight)) +
                   scaled(gate_parameters(shape), bytes_per_element(shape.gate));
  const Steps routed = routed_steps(shape, rows);
  const Steps shared = shared_steps(shape, most.tokens);
  const Bytes tokens = matrix_bytes(most.tokens, shape.hidden, shape.activation);
  const Bytes choices{most.tokens * (shape.gate_columns() * kScoreBytes + shape.top_k * kSelectionBytes)};
  if (options.backward) {
    memory.gradients = scaled(layer_parameters(shape), bytes_per_element(shape.gradient));
    memory.optimizer = scaled(layer_parameters(shape), options.optimizer_bytes_a_weight / options.optimizer_shards);
    memory.activations = tokens + choices + routed.kept() + shared.up + shared.function;  // Its output ends in the sum.
  } else {
    // The shared experts run first; their output waits for the sum with the routed ones'.
    memory.activations = tokens + choices + std::max(shared.live(), shared.output + routed.live());
  }
  // Dispatch and combine take turns, so that one pair of buffers serves both.
  memory.buffers = std::max(most.packed_rows * most.dispatch_copy, most.returned_rows * most.combine_copy) +
                   most.received_rows * std::max(most.dispatch_copy, most.combine_copy);
  return memory;
}

}  // namespace moesim
