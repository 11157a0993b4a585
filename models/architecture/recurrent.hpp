#pragma once

#include <cstdint>

namespace moesim {

// Token mixers whose memory of the past has a fixed size: a state for each sequence instead of a cache that grows.

// Gated DeltaNet (Qwen3-Next): a key_head_dim x value_head_dim state for each value head.
struct GatedDeltaNet {
  std::int64_t key_heads = 1;
  std::int64_t value_heads = 1;
  std::int64_t key_head_dim = 1;
  std::int64_t value_head_dim = 1;
  std::int64_t conv_kernel = 1;
  friend bool operator==(const GatedDeltaNet&, const GatedDeltaNet&) = default;
};

// Kimi delta attention: a head_dim x head_dim state for each head, decay and output gate through a rank of head_dim.
struct KimiDeltaAttention {
  std::int64_t heads = 1;
  std::int64_t head_dim = 1;
  std::int64_t conv_kernel = 1;
  bool full_rank_gate = false;  // The output gate is one full matrix (Kimi-K3).
  friend bool operator==(const KimiDeltaAttention&, const KimiDeltaAttention&) = default;
};

// Mamba-1 (arXiv 2312.00752), inner width expand * hidden, with norms on dt, B and C as in Jamba.
struct Mamba1 {
  std::int64_t expand = 1;
  std::int64_t state_size = 1;
  std::int64_t conv_kernel = 1;
  std::int64_t dt_rank = 1;
  friend bool operator==(const Mamba1&, const Mamba1&) = default;
};

// Mamba-2 (arXiv 2405.21060), inner width heads * head_dim.
struct Mamba2 {
  std::int64_t heads = 1;
  std::int64_t head_dim = 1;
  std::int64_t state_size = 1;
  std::int64_t groups = 1;
  std::int64_t conv_kernel = 1;
  friend bool operator==(const Mamba2&, const Mamba2&) = default;
};

// Lightning (linear) attention with an output gate (MiniMax-01, arXiv 2501.08313).
struct LightningAttention {
  std::int64_t heads = 1;
  std::int64_t head_dim = 1;
  friend bool operator==(const LightningAttention&, const LightningAttention&) = default;
};

// One LSTM layer without biases or projection (the language model of arXiv 1701.06538).
struct Lstm {
  std::int64_t units = 1;
  friend bool operator==(const Lstm&, const Lstm&) = default;
};

}  // namespace moesim
