#pragma once

#include <cstdint>
#include <string>

#include "models/data_type.hpp"
#include "models/kernels/device.hpp"
#include "models/kernels/kernel_cost.hpp"

namespace moesim {

enum class AttentionPhase {
  prefill,  // Many new tokens, tile by tile, causal.
  decode,   // One new token, or the few of a speculation, of each sequence.
};

struct AttentionTypes {
  DataType compute = DataType::bf16;  // Of the queries.
  DataType cache = DataType::bf16;    // Of keys and values.
};
// As profiles name it: "bf16/fp8".
std::string attention_precision(const AttentionTypes& types);

// Attention with heads of its own or shared ones (MHA, GQA, MQA), of a batch of sequences of one length.
struct AttentionShape {
  std::int64_t batch = 1;
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;  // Divides heads.
  std::int64_t head_dim = 128;
  std::int64_t new_tokens = 1;  // Of each sequence; their keys are attended too.
  std::int64_t cached = 0;      // Keys of each sequence from before.
  std::int64_t shared = 0;      // The first of these, held once for the whole batch.
};

// Multi-head latent attention: a prefill builds keys and values of every head, decode reads the latent itself, which
// all heads share. Widths as in DeepSeek-V2 and V3.
struct MlaShape {
  std::int64_t batch = 1;
  std::int64_t heads = 1;  // Of this rank.
  std::int64_t new_tokens = 1;
  std::int64_t cached = 0;
  std::int64_t shared = 0;
  std::int64_t latent = 512;
  std::int64_t rope = 64;   // Beside the latent in the cache and beside `nope` in a query.
  std::int64_t nope = 128;  // Of a query, and of a key that was built.
  std::int64_t value = 128;
};

struct AttentionTime {
  double us = 0;
  double flops = 0;  // Of the queries and the keys that they may see.
  // The least that must move: queries and outputs once, keys and values as often as they are read.
  double hbm_bytes = 0;
  Bound bound = Bound::launch;
};
KernelCost kernel_cost(const AttentionTime& time);

// The largest part.
Bound attention_bound(double launch_us, double compute_us, double memory_us);

// Queries and keys of one sequence that see each other: new tokens see what is cached and, of the new ones, those up to
// themselves.
double causal_pairs(std::int64_t new_tokens, std::int64_t cached);

// The device's peak for a type, of one multiprocessor.
double flop_per_us_of_one(const Device& device, DataType type);

// Refuses what is no shape.
void check(const AttentionShape& shape);
void check(const MlaShape& shape);

}  // namespace moesim
