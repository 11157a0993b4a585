#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/architecture/model_card.hpp"
#include "models/data_type.hpp"

namespace moesim {

// Whether an exchange of token copies runs beside kernels of another half of the batch.
enum class ServingOverlap { none, two_micro_batch };
std::optional<ServingOverlap> serving_overlap(std::string_view name);
std::string_view name(ServingOverlap overlap);

// What prefill and decode have in common. "A rank" of the attention's data parallelism is all tensor-parallel ranks
// that serve the same sequences.
struct ServingOptions {
  ServingOverlap overlap = ServingOverlap::none;
  DataType kv_dtype = DataType::bf16;  // Of cached keys and values.

  int micro_batches() const { return overlap == ServingOverlap::none ? 1 : 2; }
};

// The prompts of one batch through a whole model, on all ranks of the cluster.
struct PrefillWorkload {
  std::int64_t tokens_per_rank = 1;  // New tokens of the prompts, one behind another; the last may be cut.
  std::int64_t input_length = 1;     // Of a prompt, its cached prefix included.
  std::int64_t cached_length = 0;    // Below input_length.
  std::int64_t chunk = 1;            // New tokens of a rank in one pass; at most tokens_per_rank.
  ServingOptions options;

  std::int64_t new_tokens() const { return input_length - cached_length; }  // Of a prompt.
};

// One step of a whole model that adds tokens to sequences, on all ranks of the cluster.
struct DecodeWorkload {
  std::int64_t batch_per_rank = 1;  // Sequences.
  std::int64_t context = 1;         // Cached tokens of each.
  int speculative_tokens = 0;       // Drafted by the model's multi-token prediction for each sequence and checked.
  double acceptance = 0;            // That a drafted token is right if those before it were.
  ServingOptions options;
  std::vector<std::int64_t> batches;      // Further batches, a row of the result each.
  std::optional<ModelCard> against = {};  // A dense model that serves these batches on as many ranks.
  std::string against_source;

  std::int64_t tokens_a_sequence() const { return 1 + speculative_tokens; }
  double tokens_gained() const;  // A sequence and step, expected: 1 + a + ... + a^speculative_tokens.
};

}  // namespace moesim
