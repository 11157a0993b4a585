#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/units.hpp"

namespace moesim {

// A decode step of another batch on the same ranks, and of the dense model that it is compared with.
struct ServedBatchResult {
  std::int64_t batch_per_rank = 1;
  Picoseconds time;
  Picoseconds exposed_communication;
  double tokens_per_s_per_gpu = 0;
  bool fits = true;
  std::optional<Picoseconds> against = {};
  std::optional<double> against_tokens_per_s_per_gpu = {};
};

// Of the workloads `prefill` and `decode`.
struct ServingResult {
  int passes = 1;                             // Through the model: chunks of a prefill.
  double tokens_per_s = 0;                    // Prompt tokens, or tokens gained, of all ranks.
  std::optional<Picoseconds> ttft_mean = {};  // Prefill: until the last token of a prompt is through, over prompts.
  std::optional<Picoseconds> tpot = {};       // Decode: time of the step over tokens gained by a sequence.
  double tokens_gained = 1;                   // By a sequence and step, expected.
  Picoseconds draft = {};                     // Of the time: drafting.
  Picoseconds computing = {};                 // Of the time: with a kernel running.
  Picoseconds exchanging = {};                // With an exchange under way.
  Picoseconds one_by_one = {};                // What the same steps would take one after another.
  double kv_bytes_per_token = 0;              // Of one more token of a sequence, on one rank.
  // Sequences (prefill: tokens) of a rank whose memory is enough, if activations and buffers grow with them; 0: none.
  std::int64_t largest_batch = 0;
  std::vector<ServedBatchResult> batches;
};

}  // namespace moesim
