#include "models/architecture/token_mixer.hpp"

namespace moesim {
namespace {

std::int64_t gate_params(OutputGate gate, std::int64_t hidden, std::int64_t heads, std::int64_t v_head_dim) {
  switch (gate) {
    case OutputGate::none:
      return 0;
    case OutputGate::head:
      return hidden * heads;
    case OutputGate::element:
      return hidden * heads * v_head_dim;
  }
  return 0;
}

struct ParamsOf {
  std::int64_t d;  // hidden

  std::int64_t operator()(const GroupedQueryAttention& a) const {
    const std::int64_t q = a.heads * a.head_dim;
    const std::int64_t k = a.shares_kv ? 0 : a.kv_heads * a.head_dim;
    const std::int64_t v = a.shares_kv || a.key_is_value ? 0 : a.kv_heads * a.v_head_dim;
    std::int64_t params = d * (q + k + v) + a.heads * a.v_head_dim * d;
    if (a.bias != ProjectionBias::none) params += q + k + v;
    if (a.bias == ProjectionBias::qkvo) params += d;
    if (a.qk_norm == QkNorm::per_head) params += a.head_dim * (a.shares_kv ? 1 : 2);
    if (a.qk_norm == QkNorm::full) params += q + k;
    params += gate_params(a.output_gate, d, a.heads, a.v_head_dim);
    if (a.sinks) params += a.heads;
    if (a.block_indexer) {
      const BlockIndexer& i = *a.block_indexer;
      params += d * (i.heads + 1) * i.head_dim + 2 * i.head_dim;  // Queries, one key, a norm for each.
    }
    return params;
  }

  std::int64_t operator()(const LatentAttention& a) const {
    const std::int64_t q_width = a.heads * (a.qk_nope_head_dim + a.qk_rope_head_dim);
    const std::int64_t q_rank = a.q_lora_rank.value_or(0);
    std::int64_t params = a.q_lora_rank ? d * q_rank + q_rank + q_rank * q_width : d * q_width;
    params += d * (a.kv_lora_rank + a.qk_rope_head_dim) + a.kv_lora_rank;
    params += a.kv_lora_rank * a.heads * (a.qk_nope_head_dim + a.v_head_dim);
    params += a.heads * a.v_head_dim * d;
    params += gate_params(a.output_gate, d, a.heads, a.v_head_dim);
    if (a.sinks) params += a.heads;
    if (a.indexer && !a.indexer->shared) {
      const Indexer& i = *a.indexer;
      // Queries from the query latent, one key with its LayerNorm (two vectors), one weight a head.
      params += q_rank * i.heads * i.head_dim + d * i.head_dim + 2 * i.head_dim + d * i.heads;
    }
    return params;
  }

  // Weighted pooling of `ratio` tokens into one entry of width `dim`: values and weights, positions, a norm. Ratio 4
  // overlaps neighbouring groups and doubles the first two.
  std::int64_t compressor(std::int64_t dim, std::int64_t ratio) const {
    const std::int64_t overlap = ratio == 4 ? 2 : 1;
    return 2 * d * overlap * dim + ratio * overlap * dim + dim;
  }

  std::int64_t operator()(const CompressedAttention& a) const {
    const std::int64_t heads_width = a.heads * a.head_dim;
    std::int64_t params = d * a.q_lora_rank + a.q_lora_rank + a.q_lora_rank * heads_width;
    params += d * a.head_dim + a.head_dim + a.heads;                         // Shared key-value, its norm, sinks.
    params += heads_width * a.o_lora_rank + a.o_groups * a.o_lora_rank * d;  // Grouped low-rank output.
    if (a.compress_ratio) params += compressor(a.head_dim, *a.compress_ratio);
    if (a.compress_ratio && a.indexer) {
      const Indexer& i = *a.indexer;
      params += a.q_lora_rank * i.heads * i.head_dim + d * i.heads + compressor(i.head_dim, *a.compress_ratio);
    }
    return params;
  }

  std::int64_t operator()(const GatedDeltaNet& a) const {
    const std::int64_t values = a.value_heads * a.value_head_dim;
    const std::int64_t qkv = 2 * a.key_heads * a.key_head_dim + values;
    const std::int64_t scalars = 2 * a.value_heads;  // Decay and write strength: a projection each.
    return d * (qkv + values + scalars) + qkv * a.conv_kernel + scalars + a.value_head_dim + values * d;
  }

  std::int64_t operator()(const KimiDeltaAttention& a) const {
    const std::int64_t width = a.heads * a.head_dim;
    const std::int64_t low_rank = (d + width) * a.head_dim;
    const std::int64_t output_gate = a.full_rank_gate ? d * width : low_rank;
    return 3 * d * width + 3 * width * a.conv_kernel + low_rank + output_gate + d * a.heads + a.heads + width +
           a.head_dim + width * d;
  }

  std::int64_t operator()(const Mamba1& a) const {
    const std::int64_t inner = a.expand * d;
    const std::int64_t selection = a.dt_rank + 2 * a.state_size;  // dt, B and C, with a norm each.
    return d * 2 * inner + inner * (a.conv_kernel + 1) + inner * selection + selection + a.dt_rank * inner + inner +
           inner * (a.state_size + 1) + inner * d;
  }

  std::int64_t operator()(const Mamba2& a) const {
    const std::int64_t inner = a.heads * a.head_dim;
    const std::int64_t conv = inner + 2 * a.groups * a.state_size;
    return d * (inner + conv + a.heads) + conv * (a.conv_kernel + 1) + 3 * a.heads + inner + inner * d;
  }

  std::int64_t operator()(const LightningAttention& a) const {
    const std::int64_t width = a.heads * a.head_dim;
    return 5 * d * width + width;  // Queries, keys, values, output gate, output; a norm.
  }

  std::int64_t operator()(const Lstm& a) const { return 4 * (d + a.units) * a.units; }
};

struct KindName {
  std::string_view operator()(const GroupedQueryAttention&) const { return "gqa"; }
  std::string_view operator()(const LatentAttention&) const { return "mla"; }
  std::string_view operator()(const CompressedAttention&) const { return "compressed"; }
  std::string_view operator()(const GatedDeltaNet&) const { return "gated_delta_net"; }
  std::string_view operator()(const KimiDeltaAttention&) const { return "kimi_delta"; }
  std::string_view operator()(const Mamba1&) const { return "mamba1"; }
  std::string_view operator()(const Mamba2&) const { return "mamba2"; }
  std::string_view operator()(const LightningAttention&) const { return "lightning"; }
  std::string_view operator()(const Lstm&) const { return "lstm"; }
};

}  // namespace

std::string_view kind_name(const TokenMixer& mixer) { return std::visit(KindName{}, mixer); }

std::int64_t mixer_params(const TokenMixer& mixer, std::int64_t hidden) { return std::visit(ParamsOf{hidden}, mixer); }

}  // namespace moesim
