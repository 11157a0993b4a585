#include "scenarios/serving_memory.hpp"

#include <algorithm>
#include <cmath>

#include "models/architecture/parameters.hpp"
#include "models/architecture/token_mixer.hpp"
#include "models/schedule/piece_parameters.hpp"
#include "scenarios/serving_json.hpp"

namespace moesim {
namespace {

constexpr double kPlainBytes = 2;  // Tables, norms and gates stay in bf16 whatever the products read.
constexpr double kLogitBytes = 4;
constexpr double kActivationBytes = 2;

std::optional<std::int64_t> window_of(const TokenMixer& mixer) {
  if (const auto* grouped = std::get_if<GroupedQueryAttention>(&mixer)) return grouped->sliding_window;
  if (const auto* compressed = std::get_if<CompressedAttention>(&mixer)) return compressed->sliding_window;
  return std::nullopt;
}

// Ranks of a tensor-parallel group that share a layer's cache out.
double cache_cuts(const TokenMixer& mixer, int tp) {
  const auto* grouped = std::get_if<GroupedQueryAttention>(&mixer);
  return grouped == nullptr ? 1 : static_cast<double>(std::min<std::int64_t>(tp, grouped->kv_heads));
}

double layer_experts(const Scenario& scenario) {
  return static_cast<double>(scenario.routing->num_experts + scenario.placement.spec.redundant_experts) /
         scenario.parallelism.ep;
}

// Whether the model's multi-token prediction is in memory, too.
bool drafts(const Scenario& scenario) {
  const auto* decode = std::get_if<DecodeWorkload>(&scenario.workload);
  return decode != nullptr && decode->speculative_tokens > 0;
}

double weights(const Scenario& scenario) {
  const ModelCard& card = *scenario.model;
  const ParameterCounts counts = count_parameters(card);
  const double narrow = bytes_per_element(scenario.compute.weights_dtype);
  const double plain = std::max(narrow, kPlainBytes);
  const std::int64_t tables = counts.input_embedding + counts.lm_head;
  const std::int64_t small = counts.router + counts.norms;
  const std::int64_t products = counts.total() - counts.routed_experts - tables - small;
  // Shared experts and gates are whole on every rank; tensor parallelism cuts the rest.
  const std::int64_t whole = counts.shared_experts;
  const double tp = scenario.parallelism.tp;
  double bytes = plain * (static_cast<double>(tables) / tp + static_cast<double>(small)) +
                 narrow * (static_cast<double>(products - whole) / tp + static_cast<double>(whole));
  if (!card.moe) return bytes;
  const double of_expert = static_cast<double>(counts.routed_experts) / static_cast<double>(card.moe_layers()) /
                           scenario.routing->num_experts;
  bytes += narrow * of_expert * layer_experts(scenario) * static_cast<double>(card.moe_layers());
  if (drafts(scenario)) {  // Its tables are those of the model.
    const PieceParameters layer = layer_parameters(card, card.mtp->layer);
    const double dense = static_cast<double>(layer.dense + 2 * card.hidden_size * card.hidden_size);
    bytes += narrow * (dense / tp + (card.mtp->layer.moe ? of_expert * layer_experts(scenario) : 0));
  }
  return bytes;
}

// Rows between two products of a module, at its widest, beside the residual stream of all tokens.
double activations(const Scenario& scenario, const ServedTokens& tokens, const LayerPrice* layer, int micro_batches) {
  const ModelCard& card = *scenario.model;
  const double tp = scenario.parallelism.tp;
  const auto all = static_cast<double>(tokens.pass_tokens);
  const double stream = 2 * kActivationBytes * all * static_cast<double>(card.hidden_size);
  double widest = kLogitBytes * static_cast<double>(tokens.head_rows * card.vocab_size) / tp;
  if (card.dense_ffn) {
    const auto columns = static_cast<double>(card.dense_ffn->matrices * card.dense_ffn->width);
    widest = std::max(widest, kActivationBytes * all * columns / tp);
  }
  if (layer != nullptr) widest = std::max(widest, micro_batches * static_cast<double>(layer->memory.activations.count));
  return stream + widest;
}

Bytes whole(double bytes) { return {static_cast<std::int64_t>(std::ceil(bytes))}; }

}  // namespace

double kv_bytes_of_sequence(const Scenario& scenario, double length) {
  const ModelCard& card = *scenario.model;
  const double bytes = bytes_per_element(serving_options(scenario)->kv_dtype);
  double sum = 0;
  std::vector<Layer> layers = card.layers;
  if (drafts(scenario)) layers.push_back(card.mtp->layer);
  for (const Layer& layer : layers) {
    if (layer.stack == Stack::encoder) continue;
    for (const std::size_t index : layer.mixers) {
      const TokenMixer& mixer = card.mixers[index].mixer;
      const KvElements kv = kv_elements(mixer);
      const double window = std::min(length, static_cast<double>(window_of(mixer).value_or(0)));
      const double elements = (kv.global * length + kv.window * window) / cache_cuts(mixer, scenario.parallelism.tp);
      sum += bytes * (elements + static_cast<double>(state_elements(mixer, card.hidden_size)));
    }
  }
  return sum;
}

MemoryResult serving_memory(const Scenario& scenario, const ServedTokens& tokens, const LayerPrice* layer,
                            int micro_batches) {
  MemoryResult memory;
  memory.capacity = scenario.gpu.hbm_capacity;
  memory.weights = whole(weights(scenario));
  memory.kv_cache = whole(tokens.sequences * kv_bytes_of_sequence(scenario, tokens.length));
  memory.activations = whole(activations(scenario, tokens, layer, micro_batches));
  if (layer != nullptr) memory.buffers = micro_batches * layer->memory.buffers;
  return memory;
}

}  // namespace moesim
