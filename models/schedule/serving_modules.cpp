#include "models/schedule/serving_modules.hpp"

#include <algorithm>

#include "models/architecture/token_mixer.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kLogitBytes = 4;  // Sampling reads fp32.

std::int64_t part(std::int64_t whole, int ways) { return std::max<std::int64_t>(1, whole / ways); }

const KernelProfile* profile_of(const KernelModel& model) { return model.profile() ? &*model.profile() : nullptr; }

// New tokens of more than a window are computed as if the sequence were cut at it: as many pairs, up to its first part.
AttentionShape shape_of(const GroupedQueryAttention& a, const ServedSequences& part_of, int tp) {
  const std::int64_t window = a.sliding_window.value_or(part_of.cached + part_of.new_tokens);
  const std::int64_t pieces = (part_of.new_tokens + window - 1) / window;
  return {.batch = part_of.sequences * pieces,
          .heads = part(a.heads, tp),
          .kv_heads = part(a.kv_heads, tp),
          .head_dim = a.head_dim,
          .new_tokens = std::min(part_of.new_tokens, window),
          .cached = pieces > 1 ? window / 2 : std::min(part_of.cached, window)};
}

MlaShape shape_of(const LatentAttention& a, const ServedSequences& part_of, int tp) {
  return {.batch = part_of.sequences,
          .heads = part(a.heads, tp),
          .new_tokens = part_of.new_tokens,
          .cached = part_of.cached,
          .latent = a.kv_lora_rank,
          .rope = a.qk_rope_head_dim,
          .nope = a.qk_nope_head_dim,
          .value = a.v_head_dim};
}

}  // namespace

std::int64_t ServedBatch::tokens() const {
  std::int64_t sum = 0;
  for (const ServedSequences& one : parts) sum += one.sequences * one.new_tokens;
  return sum;
}

std::int64_t ServedBatch::own_tokens() const { return (tokens() + tp - 1) / tp; }

std::vector<ServedSequences> prompt_parts(std::int64_t begin, std::int64_t end, std::int64_t new_tokens,
                                          std::int64_t cached) {
  std::vector<ServedSequences> parts;
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t inside = at % new_tokens;
    const std::int64_t length = std::min(end - at, new_tokens - inside);
    const ServedSequences one{.sequences = 1, .new_tokens = length, .cached = cached + inside};
    const bool again = !parts.empty() && parts.back().new_tokens == one.new_tokens && parts.back().cached == one.cached;
    if (again) {
      ++parts.back().sequences;
    } else {
      parts.push_back(one);
    }
    at += length;
  }
  return parts;
}

ServingPricer::ServingPricer(const KernelModel& model, std::int64_t hidden, ServedBatch batch,
                             const ServingTypes& types)
    : model_(model), hidden_(hidden), batch_(std::move(batch)), types_(types) {}

bool ServingPricer::casts(DataType type) const {
  return bytes_per_element(type) < bytes_per_element(types_.activation) && !model_.casts_inputs(type);
}

void ServingPricer::product(KernelList& kernels, std::string_view name, std::int64_t rows, std::int64_t n,
                            std::int64_t k, DataType type) const {
  if (casts(type)) {
    kernels.emplace_back(
        "cast", model_.quantize(matrix_bytes(rows, k, types_.activation) + matrix_bytes(rows, k, type), rows * k));
  }
  kernels.emplace_back(name, model_.gemm(rows, n, k, {.input = type, .output = types_.activation}));
}

void ServingPricer::pass(KernelList& kernels, std::string_view name, std::int64_t rows, std::int64_t columns,
                         int times) const {
  kernels.emplace_back(name, model_.stream(times * matrix_bytes(rows, columns, types_.activation)));
}

// What each kind of mixer has between its norm and its residual sum.
struct ServedMixerKernels {
  const ServingPricer& at;
  Stack stack;
  ServedMixer& result;

  std::int64_t rows() const { return at.batch_.tokens(); }
  int tp() const { return at.batch_.tp; }
  DataType compute() const { return at.types_.compute; }
  AttentionTypes attention() const { return {at.types_.activation, at.types_.cache}; }

  template <class Attention>
  void softmax(const Attention& a) {
    const AttentionConstants constants = attention_constants(profile_of(at.model_), attention());
    for (const ServedSequences& one : at.batch_.parts) {
      result.core.emplace_back("attention", attention_cost(constants, at.model_.device(), attention(), at.batch_.phase,
                                                           shape_of(a, one, tp())));
    }
  }

  void operator()(const GroupedQueryAttention& a) {
    const std::int64_t heads = part(a.heads, tp());
    const std::int64_t kv_heads = a.shares_kv ? 0 : part(a.kv_heads, tp());
    const std::int64_t values = a.key_is_value ? 0 : kv_heads * a.v_head_dim;
    const std::int64_t gate = a.output_gate == OutputGate::element ? heads * a.v_head_dim
                              : a.output_gate == OutputGate::head  ? heads
                                                                   : 0;
    at.product(result.before, "qkv", rows(), (heads + kv_heads) * a.head_dim + values + gate, at.hidden_, compute());
    if (a.qk_norm != QkNorm::none) at.pass(result.before, "norm", rows(), (heads + kv_heads) * a.head_dim, 2);
    softmax(a);
    if (gate > 0) at.pass(result.core, "gate", rows(), heads * a.v_head_dim, 3);
    at.product(result.core, "out", rows(), at.hidden_, heads * a.v_head_dim, compute());
  }

  // One product for each head, [rows, k] times [k, n].
  void per_head(KernelList& kernels, std::string_view name, std::int64_t heads, std::int64_t n, std::int64_t k) {
    const std::vector<std::int64_t> of_heads(static_cast<std::size_t>(heads), rows());
    const DataType type = at.types_.activation;
    kernels.emplace_back(name, at.model_.grouped_gemm(of_heads, n, k, {.input = type, .output = type}));
  }

  void operator()(const LatentAttention& a) {
    const std::int64_t heads = part(a.heads, tp());
    const std::int64_t query = a.qk_nope_head_dim + a.qk_rope_head_dim;
    if (a.q_lora_rank) {
      at.product(result.before, "q_down", rows(), *a.q_lora_rank, at.hidden_, compute());
      at.pass(result.before, "norm", rows(), *a.q_lora_rank, 2);
      at.product(result.before, "q_up", rows(), heads * query, *a.q_lora_rank, compute());
    } else {
      at.product(result.before, "q", rows(), heads * query, at.hidden_, compute());
    }
    at.product(result.before, "kv_down", rows(), a.kv_lora_rank + a.qk_rope_head_dim, at.hidden_, compute());
    at.pass(result.before, "norm", rows(), a.kv_lora_rank, 2);
    const bool decode = at.batch_.phase == AttentionPhase::decode;
    if (decode) {
      per_head(result.before, "absorb_keys", heads, a.kv_lora_rank, a.qk_nope_head_dim);
    } else {
      // Of the cached tokens as well: what is kept of them is the latent.
      std::int64_t keys = 0;
      for (const ServedSequences& one : at.batch_.parts) keys += one.sequences * (one.cached + one.new_tokens);
      at.product(result.before, "kv_up", keys, heads * (a.qk_nope_head_dim + a.v_head_dim), a.kv_lora_rank, compute());
    }
    softmax(a);
    if (decode) per_head(result.core, "absorb_values", heads, a.v_head_dim, a.kv_lora_rank);
    at.product(result.core, "out", rows(), at.hidden_, heads * a.v_head_dim, compute());
  }

  // All weights in two products as deep as the model is wide; between them a roofline of FLOPs at the rate of large
  // products and of the bytes of state and cache.
  template <class Other>
  void operator()(const Other& other) {
    const TokenMixer mixer = other;
    const std::int64_t columns = part(mixer_params(mixer, at.hidden_) / at.hidden_, tp());
    const std::int64_t out = std::max<std::int64_t>(1, columns / 4);
    at.product(result.before, "in", rows(), std::max<std::int64_t>(1, columns - out), at.hidden_, compute());
    double flops = 0;
    double bytes = static_cast<double>((4 * matrix_bytes(rows(), out, at.types_.activation)).count);
    const KvElements kv = kv_elements(mixer);
    for (const ServedSequences& one : at.batch_.parts) {
      // A token at the end of a sequence meets twice as many keys as the mean one.
      const auto length = static_cast<double>(2 * one.cached + one.new_tokens);
      const auto sequences = static_cast<double>(one.sequences);
      flops += sequences * static_cast<double>(one.new_tokens) *
               mixing_flops_per_token(mixer, at.hidden_, length, stack) / tp();
      const double cache =
          kv.global * static_cast<double>(one.cached) + kv.window * static_cast<double>(one.new_tokens);
      const double state = 2 * static_cast<double>(state_elements(mixer, at.hidden_));
      bytes += sequences * (cache + state) * bytes_per_element(at.types_.cache) / tp();
    }
    KernelCost core = at.model_.stream(Bytes{static_cast<std::int64_t>(bytes)});
    const double rate =
        at.model_.device().peak_flops(at.types_.activation).flop_per_s() * at.model_.efficiencies().gemm_compute_wide;
    core.time = std::max(core.time, Picoseconds::from_seconds(flops / rate));
    core.flops = flops;
    result.core.emplace_back("attention", core);
    at.product(result.core, "out", rows(), at.hidden_, out, compute());
  }
};

ServedMixer ServingPricer::mixer(const TokenMixer& mixer, Stack stack) const {
  ServedMixer result;
  pass(result.before, "norm", batch_.own_tokens(), hidden_, 2);
  std::visit(ServedMixerKernels{*this, stack, result}, mixer);
  pass(result.core, "residual", batch_.own_tokens(), hidden_, 3);
  return result;
}

KernelList ServingPricer::dense_ffn(const DenseFfn& ffn) const {
  const std::int64_t rows = batch_.tokens();
  const std::int64_t width = part(ffn.width, batch_.tp);
  const std::int64_t up = (ffn.matrices - 1) * width;
  KernelList kernels;
  pass(kernels, "norm", batch_.own_tokens(), hidden_, 2);
  product(kernels, "up", rows, up, hidden_, types_.compute);
  // The function writes what the next product reads, cast on the way.
  const bool narrow = bytes_per_element(types_.compute) < bytes_per_element(types_.activation);
  kernels.emplace_back("activation", model_.quantize(matrix_bytes(rows, up, types_.activation) +
                                                         matrix_bytes(rows, width, types_.compute),
                                                     narrow ? rows * width : 0));
  kernels.emplace_back("down",
                       model_.gemm(rows, hidden_, width, {.input = types_.compute, .output = types_.activation}));
  pass(kernels, "residual", batch_.own_tokens(), hidden_, 3);
  return kernels;
}

KernelList ServingPricer::norm_and_residual() const {
  KernelList kernels;
  pass(kernels, "norm", batch_.own_tokens(), hidden_, 2);
  pass(kernels, "residual", batch_.own_tokens(), hidden_, 3);
  return kernels;
}

KernelList ServingPricer::embedding() const {
  return {{"embedding", model_.scatter(2 * matrix_bytes(batch_.own_tokens(), hidden_, types_.activation))}};
}

KernelList ServingPricer::head(std::int64_t vocabulary, std::int64_t rows) const {
  KernelList kernels;
  if (rows == 0) return kernels;
  const std::int64_t columns = part(vocabulary, batch_.tp);
  pass(kernels, "norm", rows, hidden_, 2);
  product(kernels, "head", rows, columns, hidden_, types_.activation);
  kernels.emplace_back("sampling", model_.stream(Bytes{rows * columns * kLogitBytes}));
  return kernels;
}

KernelList ServingPricer::projection(std::int64_t columns, std::int64_t depth) const {
  KernelList kernels;
  product(kernels, "projection", batch_.own_tokens(), columns, depth, types_.compute);
  return kernels;
}

std::vector<Caveat> ServingPricer::caveats(const TokenMixer& mixer) const {
  std::vector<Caveat> result;
  const AttentionTypes types{types_.activation, types_.cache};
  const auto add = [&](const auto& attention) {
    for (const ServedSequences& one : batch_.parts) {
      for (Caveat& caveat : attention_caveats(profile_of(model_), model_.device(), types, batch_.phase,
                                              shape_of(attention, one, batch_.tp))) {
        result.push_back(std::move(caveat));
      }
    }
    if constexpr (requires { attention.indexer; }) {
      if (attention.indexer) {
        result.push_back(
            {"dense_attention", "The model picks the keys that a query attends to; here it attends to all of them."});
      }
    }
  };
  if (const auto* grouped = std::get_if<GroupedQueryAttention>(&mixer)) {
    add(*grouped);
  } else if (const auto* latent = std::get_if<LatentAttention>(&mixer)) {
    add(*latent);
  } else {
    result.push_back({"uncalibrated", "Token mixers that are not softmax attention are a roofline."});
  }
  return result;
}

}  // namespace moesim
