#include <algorithm>

#include "models/architecture/token_mixer.hpp"

namespace moesim {
namespace {

double real(std::int64_t n) { return static_cast<double>(n); }

// Keys that a token sees on average over a sequence, if position i sees min(i, limit) of them.
double causal_keys(double context, double limit) {
  return context <= limit ? context / 2 : limit - limit * limit / (2 * context);
}

// A recurrent state is decayed, written and read once a token: three multiply-adds for each element.
constexpr double kStateFlops = 6;

struct MixingFlops {
  std::int64_t d;
  double context;
  Stack stack;

  double operator()(const GroupedQueryAttention& a) const {
    const double flops_per_key = 2 * real(a.heads * (a.head_dim + a.v_head_dim));
    if (a.cross) return flops_per_key * context;
    double limit = a.sliding_window ? real(*a.sliding_window) : context;
    if (stack == Stack::encoder) return flops_per_key * std::min(limit, context);
    double flops = 0;
    if (a.block_indexer) {
      const BlockIndexer& i = *a.block_indexer;
      limit = std::min(limit, real(i.block_size * i.top_k));
      flops += 2 * real(i.heads * i.head_dim) * context / 2;
    }
    return flops + flops_per_key * causal_keys(context, limit);
  }

  double operator()(const LatentAttention& a) const {
    const double flops_per_key = 2 * real(a.heads * (a.qk_nope_head_dim + a.qk_rope_head_dim + a.v_head_dim));
    if (!a.indexer) return flops_per_key * context / 2;
    const double scores = a.indexer->shared ? 0 : 2 * real(a.indexer->heads * a.indexer->head_dim) * context / 2;
    return scores + flops_per_key * causal_keys(context, real(a.indexer->top_k));
  }

  double operator()(const CompressedAttention& a) const {
    double keys = causal_keys(context, real(a.sliding_window));
    double scores = 0;
    if (a.compress_ratio) {
      const double entries = context / real(*a.compress_ratio);
      keys += causal_keys(entries, a.indexer ? real(a.indexer->top_k) : entries);
      if (a.indexer) scores = 2 * real(a.indexer->heads * a.indexer->head_dim) * entries / 2;
    }
    return scores + 4 * real(a.heads * a.head_dim) * keys;
  }

  double operator()(const GatedDeltaNet& a) const {
    return kStateFlops * real(a.value_heads * a.key_head_dim * a.value_head_dim);
  }
  double operator()(const KimiDeltaAttention& a) const { return kStateFlops * real(a.heads * a.head_dim * a.head_dim); }
  double operator()(const Mamba1& a) const { return kStateFlops * real(a.expand * d * a.state_size); }
  double operator()(const Mamba2& a) const { return kStateFlops * real(a.heads * a.head_dim * a.state_size); }
  double operator()(const LightningAttention& a) const { return kStateFlops * real(a.heads * a.head_dim * a.head_dim); }
  double operator()(const Lstm&) const { return 0; }  // All of its products are with weights.
};

struct KvOf {
  KvElements operator()(const GroupedQueryAttention& a) const {
    if (a.cross || a.shares_kv) return {};
    const double elements = real(a.kv_heads * (a.head_dim + a.v_head_dim));
    const double index = a.block_indexer ? real(a.block_indexer->head_dim) : 0;
    return a.sliding_window ? KvElements{.global = index, .window = elements}
                            : KvElements{.global = index + elements, .window = 0};
  }
  KvElements operator()(const LatentAttention& a) const {
    const bool index = a.indexer && !a.indexer->shared;
    return {.global = real(a.kv_lora_rank + a.qk_rope_head_dim + (index ? a.indexer->head_dim : 0)), .window = 0};
  }
  KvElements operator()(const CompressedAttention& a) const {
    KvElements kv{.global = 0, .window = real(a.head_dim)};
    if (a.compress_ratio) {
      kv.global = real(a.head_dim + (a.indexer ? a.indexer->head_dim : 0)) / real(*a.compress_ratio);
    }
    return kv;
  }
  template <class Recurrent>
  KvElements operator()(const Recurrent&) const {
    return {};
  }
};

struct StateOf {
  std::int64_t d;
  std::int64_t operator()(const GatedDeltaNet& a) const {
    const std::int64_t conv = 2 * a.key_heads * a.key_head_dim + a.value_heads * a.value_head_dim;
    return a.value_heads * a.key_head_dim * a.value_head_dim + (a.conv_kernel - 1) * conv;
  }
  std::int64_t operator()(const KimiDeltaAttention& a) const {
    return a.heads * a.head_dim * a.head_dim + (a.conv_kernel - 1) * 3 * a.heads * a.head_dim;
  }
  std::int64_t operator()(const Mamba1& a) const { return a.expand * d * (a.state_size + a.conv_kernel - 1); }
  std::int64_t operator()(const Mamba2& a) const {
    const std::int64_t inner = a.heads * a.head_dim;
    return inner * a.state_size + (a.conv_kernel - 1) * (inner + 2 * a.groups * a.state_size);
  }
  std::int64_t operator()(const LightningAttention& a) const { return a.heads * a.head_dim * a.head_dim; }
  std::int64_t operator()(const Lstm& a) const { return 2 * a.units; }
  template <class Attention>
  std::int64_t operator()(const Attention&) const {
    return 0;
  }
};

}  // namespace

double mixing_flops_per_token(const TokenMixer& mixer, std::int64_t hidden, double context, Stack stack) {
  return std::visit(MixingFlops{hidden, context, stack}, mixer);
}

KvElements kv_elements(const TokenMixer& mixer) { return std::visit(KvOf{}, mixer); }

std::int64_t state_elements(const TokenMixer& mixer, std::int64_t hidden) { return std::visit(StateOf{hidden}, mixer); }

}  // namespace moesim
