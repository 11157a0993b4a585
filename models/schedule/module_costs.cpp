#include "models/schedule/module_costs.hpp"

#include <algorithm>
#include <array>

#include "models/architecture/token_mixer.hpp"
#include "models/kernels/attention_backward.hpp"
#include "models/kernels/attention_cost.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kLogitBytes = 4;  // The loss is computed in fp32.

std::int64_t part(std::int64_t whole, int ways) { return std::max<std::int64_t>(1, whole / ways); }

const KernelProfile* profile_of(const KernelModel& model) { return model.profile() ? &*model.profile() : nullptr; }

}  // namespace

bool is_recomputed(std::string_view kernel) {
  static constexpr std::array<std::string_view, 5> kNames{"norm", "activation", "q_up", "kv_up", "rotary"};
  return std::find(kNames.begin(), kNames.end(), kernel) != kNames.end();
}

KernelCost total(const KernelList& kernels) {
  KernelCost sum;
  for (const auto& [name, cost] : kernels) sum += cost;
  return sum;
}

ModulePricer::ModulePricer(const KernelModel& model, std::int64_t hidden, const MicroBatch& batch,
                           const ModuleTypes& types)
    : model_(model), hidden_(hidden), batch_(batch), types_(types) {}

bool ModulePricer::casts() const { return bytes_per_element(types_.compute) < bytes_per_element(types_.activation); }

void ModulePricer::product(ModuleCosts& costs, std::string_view name, std::int64_t rows, std::int64_t n, std::int64_t k,
                           Input input) const {
  const GemmTypes types{types_.compute, types_.activation, types_.gradient};
  const auto wide = [&](std::int64_t columns) { return matrix_bytes(rows, columns, types_.activation); };
  const auto narrow = [&](std::int64_t columns) { return matrix_bytes(rows, columns, types_.compute); };
  if (casts()) {
    if (!model_.casts_inputs(types_.compute)) {  // Else the products' own times have it.
      if (input == Input::recomputed || input == Input::kept) {
        costs.forward.emplace_back("cast", model_.quantize(wide(k) + narrow(k), rows * k));
      }
      costs.input_gradient.emplace_back("cast", model_.quantize(wide(n) + narrow(n), rows * n));
    }
    // Inputs were kept narrow, scaled along rows, and the weight gradient wants both factors scaled along columns.
    costs.weight_gradient.emplace_back("cast", model_.quantize(2 * narrow(k), rows * k));
    costs.weight_gradient.emplace_back("cast", model_.quantize(wide(n) + narrow(n), rows * n));
  }
  if (input == Input::recomputed || input == Input::cast) {
    costs.kept_unless_recomputed += narrow(k);
  } else if (input == Input::kept && casts()) {
    costs.kept += narrow(k);
  }
  costs.forward.emplace_back(name, model_.gemm(rows, n, k, types));
  costs.input_gradient.emplace_back(name, model_.gemm(rows, k, n, types));
  costs.weight_gradient.emplace_back(name, model_.weight_gradient(rows, n, k, types));
}

void ModulePricer::pass(ModuleCosts& costs, std::string_view name, std::int64_t rows, std::int64_t columns, int forward,
                        int backward) const {
  const Bytes once = matrix_bytes(rows, columns, types_.activation);
  if (forward > 0) costs.forward.emplace_back(name, model_.stream(forward * once));
  if (backward > 0) costs.input_gradient.emplace_back(name, model_.stream(backward * once));
}

// Forward reads and writes; backward reads the input and the gradient and writes one.
void ModulePricer::norm(ModuleCosts& costs, std::int64_t rows, std::int64_t columns) const {
  pass(costs, "norm", rows, columns, 2, 3);
  costs.kept += matrix_bytes(rows, columns, types_.activation);
}

// Two read, one written: the sum of the stream and the module's output, and backward of their gradients.
void ModulePricer::residual(ModuleCosts& costs) const { pass(costs, "residual", batch_.own_tokens(), hidden_, 3, 3); }

void ModulePricer::keep(ModuleCosts& costs, std::int64_t rows, std::int64_t always, std::int64_t recomputed) const {
  if (always > 0) costs.kept += matrix_bytes(rows, always, types_.activation);
  if (recomputed > 0) costs.kept_unless_recomputed += matrix_bytes(rows, recomputed, types_.activation);
}

// What each kind of mixer has between its norm and its residual sum.
struct MixerKernels {
  const ModulePricer& at;
  Stack stack;
  ModuleCosts& costs;

  std::int64_t rows() const { return at.batch_.tokens(); }
  int tp() const { return at.batch_.tp; }

  // Queries of this rank's part of each sequence; keys from before it such that all parts have as many pairs, as zigzag
  // context parallelism shares them out.
  std::int64_t new_tokens() const { return at.batch_.length / at.batch_.cp; }
  std::int64_t cached() const { return at.batch_.length * (at.batch_.cp - 1) / (2 * at.batch_.cp); }

  void core(const KernelCost& forward) {
    costs.forward.emplace_back("attention", forward);
    costs.input_gradient.emplace_back("attention", attention_backward(forward));
  }

  template <class Shape>
  void softmax(const Shape& shape) {
    const AttentionTypes types{at.types_.activation, at.types_.activation};
    const AttentionConstants constants = attention_constants(profile_of(at.model_), types);
    core(attention_cost(constants, at.model_.device(), types, AttentionPhase::prefill, shape));
  }

  void operator()(const GroupedQueryAttention& a) {
    const std::int64_t heads = part(a.heads, tp());
    const std::int64_t kv_heads = a.shares_kv ? 0 : part(a.kv_heads, tp());
    const std::int64_t values = a.key_is_value ? 0 : kv_heads * a.v_head_dim;
    const std::int64_t gate = a.output_gate == OutputGate::element ? heads * a.v_head_dim
                              : a.output_gate == OutputGate::head  ? heads
                                                                   : 0;
    at.product(costs, "qkv", rows(), heads * a.head_dim + kv_heads * a.head_dim + values + gate, at.hidden_,
               ModulePricer::Input::recomputed);
    at.keep(costs, rows(), 2 * heads * a.head_dim + kv_heads * (a.head_dim + a.v_head_dim), 0);
    if (a.qk_norm != QkNorm::none) at.norm(costs, rows(), (heads + kv_heads) * a.head_dim);
    at.pass(costs, "rotary", rows(), (heads + kv_heads) * a.head_dim, 2, 2);
    // A window is computed as if the sequence were cut at it: as many pairs, up to its first part.
    const std::int64_t window = a.sliding_window ? std::min(*a.sliding_window, at.batch_.length) : at.batch_.length;
    const std::int64_t pieces = std::max<std::int64_t>(1, new_tokens() / window);
    const bool windowed = window < at.batch_.length && pieces > 1;
    softmax(AttentionShape{.batch = at.batch_.sequences * (windowed ? pieces : 1),
                           .heads = heads,
                           .kv_heads = std::max<std::int64_t>(1, part(a.kv_heads, tp())),
                           .head_dim = a.head_dim,
                           .new_tokens = windowed ? window : new_tokens(),
                           .cached = windowed ? window / 2 : cached()});
    if (gate > 0) at.pass(costs, "gate", rows(), heads * a.v_head_dim, 3, 4);
    at.product(costs, "out", rows(), at.hidden_, heads * a.v_head_dim, ModulePricer::Input::kept);
  }

  void operator()(const LatentAttention& a) {
    using Input = ModulePricer::Input;
    const std::int64_t heads = part(a.heads, tp());
    const std::int64_t query = a.qk_nope_head_dim + a.qk_rope_head_dim;
    if (a.q_lora_rank) {
      at.product(costs, "q_down", rows(), *a.q_lora_rank, at.hidden_, Input::recomputed);
      at.norm(costs, rows(), *a.q_lora_rank);
      at.product(costs, "q_up", rows(), heads * query, *a.q_lora_rank, Input::recomputed);
    } else {
      at.product(costs, "q", rows(), heads * query, at.hidden_, Input::recomputed);
    }
    at.product(costs, "kv_down", rows(), a.kv_lora_rank + a.qk_rope_head_dim, at.hidden_, Input::shared);
    at.norm(costs, rows(), a.kv_lora_rank);
    at.product(costs, "kv_up", rows(), heads * (a.qk_nope_head_dim + a.v_head_dim), a.kv_lora_rank, Input::recomputed);
    at.keep(costs, rows(), heads * a.v_head_dim, heads * (2 * query + a.v_head_dim));
    // Queries' rotary part in place; keys are put together from what was built and the one rotary part of all heads.
    at.pass(costs, "rotary", rows(), heads * (query + a.qk_rope_head_dim), 2, 2);
    softmax(MlaShape{.batch = at.batch_.sequences,
                     .heads = heads,
                     .new_tokens = new_tokens(),
                     .cached = cached(),
                     .latent = a.kv_lora_rank,
                     .rope = a.qk_rope_head_dim,
                     .nope = a.qk_nope_head_dim,
                     .value = a.v_head_dim});
    at.product(costs, "out", rows(), at.hidden_, heads * a.v_head_dim, Input::kept);
  }

  // All weights in two products as deep as the model is wide; the core at the rate of large products.
  template <class Other>
  void operator()(const Other& other) {
    const TokenMixer mixer = other;
    const std::int64_t columns = part(mixer_params(mixer, at.hidden_) / at.hidden_, tp());
    const std::int64_t out = std::max<std::int64_t>(1, columns / 4);
    at.product(costs, "in", rows(), std::max<std::int64_t>(1, columns - out), at.hidden_,
               ModulePricer::Input::recomputed);
    at.keep(costs, rows(), columns, 0);
    const auto length = static_cast<double>(at.batch_.length);
    const double flops = static_cast<double>(rows()) * mixing_flops_per_token(mixer, at.hidden_, length, stack) / tp();
    const double rate =
        at.model_.device().peak_flops(at.types_.activation).flop_per_s() * at.model_.efficiencies().gemm_compute_wide;
    const Bytes bytes = 4 * matrix_bytes(rows(), out, at.types_.activation);
    KernelCost recurrent = at.model_.stream(bytes);
    recurrent.time = std::max(recurrent.time, Picoseconds::from_seconds(flops / rate));
    recurrent.flops = flops;
    core(recurrent);
    at.product(costs, "out", rows(), at.hidden_, out, ModulePricer::Input::kept);
  }
};

ModuleCosts ModulePricer::mixer(const TokenMixer& mixer, Stack stack) const {
  ModuleCosts costs;
  norm(costs, batch_.own_tokens(), hidden_);
  std::visit(MixerKernels{*this, stack, costs}, mixer);
  residual(costs);
  return costs;
}

ModuleCosts ModulePricer::dense_ffn(const DenseFfn& ffn) const {
  const std::int64_t rows = batch_.tokens();
  const std::int64_t width = part(ffn.width, batch_.tp);
  const std::int64_t up = (ffn.matrices - 1) * width;
  ModuleCosts costs;
  norm(costs, batch_.own_tokens(), hidden_);
  product(costs, "up", rows, up, hidden_, Input::recomputed);
  costs.kept += matrix_bytes(rows, up, types_.kept);
  // The function writes what the next product reads, cast on the way.
  const Bytes in = matrix_bytes(rows, up, types_.activation);
  costs.forward.emplace_back(
      "activation", model_.quantize(in + matrix_bytes(rows, width, types_.compute), casts() ? rows * width : 0));
  costs.input_gradient.emplace_back("activation", model_.quantize(in + matrix_bytes(rows, width, types_.activation) +
                                                                      matrix_bytes(rows, up, types_.compute),
                                                                  casts() ? rows * up : 0));
  product(costs, "down", rows, hidden_, width, Input::cast);
  residual(costs);
  return costs;
}

ModuleCosts ModulePricer::norm_and_residual() const {
  ModuleCosts costs;
  norm(costs, batch_.own_tokens(), hidden_);
  residual(costs);
  return costs;
}

ModuleCosts ModulePricer::embedding() const {
  ModuleCosts costs;
  const Bytes rows = matrix_bytes(batch_.own_tokens(), hidden_, types_.activation);
  costs.forward.emplace_back("embedding", model_.scatter(2 * rows));
  // Gradients of the rows that were looked up are read, added to and written.
  const Bytes gradients = matrix_bytes(batch_.own_tokens(), hidden_, types_.gradient);
  costs.weight_gradient.emplace_back("embedding", model_.scatter(rows + 2 * gradients));
  return costs;
}

ModuleCosts ModulePricer::head(std::int64_t vocabulary) const {
  ModuleCosts costs;
  const std::int64_t rows = batch_.tokens();
  const std::int64_t columns = part(vocabulary, batch_.tp);
  norm(costs, batch_.own_tokens(), hidden_);
  const ModulePricer wide(model_, hidden_, batch_, {types_.activation, types_.activation, types_.gradient});
  wide.product(costs, "head", rows, columns, hidden_, Input::recomputed);
  costs.kept += Bytes{rows * columns * kLogitBytes};
  const Bytes logits{rows * columns * kLogitBytes};
  costs.forward.emplace_back("loss", model_.stream(logits));             // Its exponentials are summed.
  costs.input_gradient.emplace_back("loss", model_.stream(2 * logits));  // Read, and their gradient written.
  return costs;
}

ModuleCosts ModulePricer::projection(std::int64_t columns, std::int64_t depth) const {
  ModuleCosts costs;
  product(costs, "projection", batch_.own_tokens(), columns, depth, Input::recomputed);
  return costs;
}

}  // namespace moesim
