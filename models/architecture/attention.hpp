#pragma once

#include <cstdint>
#include <optional>

namespace moesim {

// Attention families of the cards. Sizes are those of one layer; the hidden size is the model's. The names follow the
// keys of Hugging Face configurations where those exist.

enum class ProjectionBias { none, qkv, qkvo };
enum class QkNorm {
  none,
  per_head,  // One norm of width head_dim for queries and one for keys.
  full,      // One over all heads together (OLMoE).
};
enum class OutputGate {
  none,
  head,     // hidden -> heads
  element,  // hidden -> heads * v_head_dim
};

// Selects which keys a query attends to (DeepSeek sparse attention): its own low-rank queries against one cached key.
struct Indexer {
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t top_k = 0;  // Keys that each query attends to.
  bool shared = false;     // Reuses the selection of an earlier layer: no weights, no cached keys, no work here.
  friend bool operator==(const Indexer&, const Indexer&) = default;
};

// Selects whole blocks of keys (MiniMax-M3).
struct BlockIndexer {
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t block_size = 0;
  std::int64_t top_k = 0;  // Blocks that each query attends to.
  friend bool operator==(const BlockIndexer&, const BlockIndexer&) = default;
};

// Softmax attention with kv_heads <= heads; kv_heads == heads is plain multi-head attention.
struct GroupedQueryAttention {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;
  std::int64_t head_dim = 1;    // Of queries and keys.
  std::int64_t v_head_dim = 1;  // Of values; equals head_dim unless a card says otherwise.
  ProjectionBias bias = ProjectionBias::none;
  QkNorm qk_norm = QkNorm::none;
  OutputGate output_gate = OutputGate::none;
  bool sinks = false;         // One learned logit a head.
  bool shares_kv = false;     // Uses keys and values of the layer before: no weights, no cache.
  bool key_is_value = false;  // One projection makes both; both are cached.
  bool cross = false;         // Keys and values come from the encoder: one set per source token, none per new token.
  std::optional<std::int64_t> sliding_window = {};  // Keys that a query sees at most, chunked attention included.
  std::optional<BlockIndexer> block_indexer = {};
  friend bool operator==(const GroupedQueryAttention&, const GroupedQueryAttention&) = default;
};

// Multi-head latent attention: keys and values are rebuilt from one cached latent (DeepSeek-V2, arXiv 2405.04434).
struct LatentAttention {
  std::int64_t heads = 1;
  std::optional<std::int64_t> q_lora_rank = {};  // Empty: queries are one full matrix.
  std::int64_t kv_lora_rank = 1;
  std::int64_t qk_nope_head_dim = 1;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 1;
  OutputGate output_gate = OutputGate::none;
  bool sinks = false;
  std::optional<Indexer> indexer = {};  // Only with q_lora_rank.
  friend bool operator==(const LatentAttention&, const LatentAttention&) = default;
};

// DeepSeek-V4: one shared key-value head, a local window, and beyond it keys compressed by `compress_ratio`, all of
// them or those that an indexer picks. The output projection is low-rank in groups of heads.
struct CompressedAttention {
  std::int64_t heads = 1;
  std::int64_t head_dim = 1;
  std::int64_t q_lora_rank = 1;
  std::int64_t o_lora_rank = 1;
  std::int64_t o_groups = 1;
  std::int64_t sliding_window = 1;
  std::optional<std::int64_t> compress_ratio = {};  // Empty: the window only.
  std::optional<Indexer> indexer = {};              // Only with compress_ratio.
  friend bool operator==(const CompressedAttention&, const CompressedAttention&) = default;
};

}  // namespace moesim
