#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "models/architecture/model_card.hpp"
#include "models/kernels/kernel_model.hpp"

namespace moesim {

// What a micro-batch is on one rank: `sequences` of `length` tokens, of which the rank has 1 / cp, and between the
// products that tensor parallelism cuts, 1 / (tp cp).
struct MicroBatch {
  std::int64_t sequences = 1;
  std::int64_t length = 1;
  int tp = 1;
  int cp = 1;

  std::int64_t tokens() const { return sequences * length / cp; }  // That a product sees.
  std::int64_t own_tokens() const { return tokens() / tp; }        // With sequence parallelism.
};

struct ModuleTypes {
  DataType compute = DataType::bf16;     // What products read; where it is narrower than `activation`, inputs are cast.
  DataType activation = DataType::bf16;  // What kernels hand one another; attention and the head compute in it.
  DataType gradient = DataType::fp32;    // Of weights.
  DataType kept = DataType::bf16;        // As inputs of the functions between products are kept.
};

using KernelList = std::vector<std::pair<std::string_view, KernelCost>>;
KernelCost total(const KernelList& kernels);

// The kernels of one module on one rank for one micro-batch. The weight gradients wait for the gradient of the module's
// outputs alone, and nothing in the backward pass waits for them.
struct ModuleCosts {
  KernelList forward;
  KernelList input_gradient;
  KernelList weight_gradient;
  // What the forward pass keeps for the backward one, by how soon it is computed again: never, or with selective
  // recomputation. Products keep their inputs in the type that they read, softmax attention its operands.
  Bytes kept;
  Bytes kept_unless_recomputed;
};

// Kernels that selective recomputation runs again in the backward pass: norms, functions between products,
// up-projections of latents, whose outputs are large for what they cost (DeepSeek-V3, arXiv:2412.19437, 3.2.3).
bool is_recomputed(std::string_view kernel);

// Prices the dense modules of a model, tensor-parallel as Megatron-LM cuts them (columns of the first product, rows of
// the second; arXiv:1909.08053). What is between two products of a module is one pass over memory each.
// docs/models/training.md lists every kernel with its bytes.
class ModulePricer {
 public:
  // `model` outlives it.
  ModulePricer(const KernelModel& model, std::int64_t hidden, const MicroBatch& batch, const ModuleTypes& types);

  // Norm, token mixer and residual sum. Where the mixer is not softmax attention its core is a roofline.
  ModuleCosts mixer(const TokenMixer& mixer, Stack stack) const;
  ModuleCosts dense_ffn(const DenseFfn& ffn) const;  // With norm and residual sum.
  ModuleCosts norm_and_residual() const;             // Of a module that is priced elsewhere (experts).
  ModuleCosts embedding() const;
  ModuleCosts head(std::int64_t vocabulary) const;                         // With the last norm and the loss.
  ModuleCosts projection(std::int64_t columns, std::int64_t depth) const;  // Whole on every rank.

 private:
  friend struct MixerKernels;

  // Where a product's input comes from.
  enum class Input {
    recomputed,  // A kernel that selective recomputation runs again.
    kept,        // Something that is kept anyway: only what it is cast to comes on top.
    shared,      // The input of the product before, cast and kept for it.
    cast,        // A kernel that casts it, and selective recomputation runs again.
  };
  // A product [rows, k] times [k, n].
  void product(ModuleCosts& costs, std::string_view name, std::int64_t rows, std::int64_t n, std::int64_t k,
               Input input) const;
  // Passes over rows * columns elements of activations: so many forward, so many backward.
  void pass(ModuleCosts& costs, std::string_view name, std::int64_t rows, std::int64_t columns, int forward,
            int backward) const;
  void norm(ModuleCosts& costs, std::int64_t rows, std::int64_t columns) const;
  void residual(ModuleCosts& costs) const;
  void keep(ModuleCosts& costs, std::int64_t rows, std::int64_t always, std::int64_t recomputed) const;
  bool casts() const;

  const KernelModel& model_;
  std::int64_t hidden_;
  MicroBatch batch_;
  ModuleTypes types_;
};

}  // namespace moesim
