#pragma once

#include <cstdint>
#include <vector>

#include "models/kernels/attention_cost.hpp"
#include "models/schedule/module_costs.hpp"

namespace moesim {

// Sequences of one length in a step: each has `new_tokens` that the step computes and `cached` ones before them.
struct ServedSequences {
  std::int64_t sequences = 1;
  std::int64_t new_tokens = 1;
  std::int64_t cached = 0;
  friend bool operator==(const ServedSequences&, const ServedSequences&) = default;
};

// What one rank serves at once. Tensor-parallel ranks serve the same.
struct ServedBatch {
  AttentionPhase phase = AttentionPhase::decode;
  std::vector<ServedSequences> parts;
  int tp = 1;

  std::int64_t tokens() const;      // That a product sees.
  std::int64_t own_tokens() const;  // Between modules, shared out over the tensor-parallel ranks; rounded up.
};

// The prompts of a prefill lie one behind another, each of `new_tokens` after a prefix of `cached`; the parts of
// [begin, end) of their new tokens, equal ones together.
std::vector<ServedSequences> prompt_parts(std::int64_t begin, std::int64_t end, std::int64_t new_tokens,
                                          std::int64_t cached);

struct ServingTypes {
  DataType compute = DataType::bf16;     // What products read; inputs are cast where it is narrower.
  DataType activation = DataType::bf16;  // What kernels hand one another; the head computes in it.
  DataType cache = DataType::bf16;       // Of keys and values.
};

// A token mixer's kernels by what they are: in DeepSeek-V3's decode the two parts are stages of their own.
struct ServedMixer {
  KernelList before;  // Norm and projections, until the queries are there.
  KernelList core;    // Attention, output projection, residual sum.
};

// Prices the dense modules of a model that serves: forward only, with a cache. docs/models/serving.md lists the
// kernels. Latent attention builds keys and values of the whole sequence in a prefill, and in a decode reads the latent
// itself, its up-projections absorbed into queries and outputs.
class ServingPricer {
 public:
  // `model` outlives it.
  ServingPricer(const KernelModel& model, std::int64_t hidden, ServedBatch batch, const ServingTypes& types);

  ServedMixer mixer(const TokenMixer& mixer, Stack stack) const;
  KernelList dense_ffn(const DenseFfn& ffn) const;  // With norm and residual sum.
  KernelList norm_and_residual() const;             // Of a module that is priced elsewhere (experts).
  KernelList embedding() const;
  // The last norm, the head for `rows` tokens and their sampling, one pass over the logits.
  KernelList head(std::int64_t vocabulary, std::int64_t rows) const;
  KernelList projection(std::int64_t columns, std::int64_t depth) const;

  std::vector<Caveat> caveats(const TokenMixer& mixer) const;  // Of the attention kernel.

 private:
  friend struct ServedMixerKernels;

  void product(KernelList& kernels, std::string_view name, std::int64_t rows, std::int64_t n, std::int64_t k,
               DataType type) const;
  void pass(KernelList& kernels, std::string_view name, std::int64_t rows, std::int64_t columns, int times) const;
  bool casts(DataType type) const;

  const KernelModel& model_;
  std::int64_t hidden_;
  ServedBatch batch_;
  ServingTypes types_;
};

}  // namespace moesim
