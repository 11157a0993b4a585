#include "models/architecture/model_costs.hpp"

#include <cmath>

#include "models/architecture/parameters.hpp"
#include "models/architecture/token_mixer.hpp"

namespace moesim {

ModelFlops forward_flops_per_token(const ModelCard& card, std::int64_t context) {
  ModelFlops flops;
  const std::int64_t active = count_parameters(card).active(ActiveConvention::without_input_embedding);
  flops.weights = 2.0 * static_cast<double>(active);
  for (const Layer& layer : card.layers) {
    for (const std::size_t index : layer.mixers) {
      flops.mixing +=
          mixing_flops_per_token(card.mixers[index].mixer, card.hidden_size, static_cast<double>(context), layer.stack);
    }
  }
  return flops;
}

ModelFlops training_flops_per_token(const ModelCard& card, std::int64_t context) {
  const ModelFlops forward = forward_flops_per_token(card, context);
  return {.weights = 3 * forward.weights, .mixing = 3 * forward.mixing};
}

KvCacheSize kv_cache_size(const ModelCard& card, DataType type) {
  KvCacheSize size;
  const double bytes = bytes_per_element(type);
  for (const Layer& layer : card.layers) {
    if (layer.stack == Stack::encoder) continue;
    for (const std::size_t index : layer.mixers) {
      const TokenMixer& mixer = card.mixers[index].mixer;
      const KvElements kv = kv_elements(mixer);
      size.bytes_per_token += kv.global * bytes;
      size.window_bytes_per_token += kv.window * bytes;
      size.state_bytes_per_sequence += static_cast<double>(state_elements(mixer, card.hidden_size)) * bytes;
    }
  }
  return size;
}

Bytes weight_bytes(const ModelCard& card, DataType type) {
  const double bytes = static_cast<double>(count_parameters(card).total()) * bytes_per_element(type);
  return {static_cast<std::int64_t>(std::ceil(bytes))};
}

}  // namespace moesim
