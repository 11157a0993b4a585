#include "models/schedule/piece_parameters.hpp"

#include <algorithm>
#include <cmath>

#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/token_mixer.hpp"

namespace moesim {

PieceParameters layer_parameters(const ModelCard& card, const Layer& layer) {
  PieceParameters count;
  count.dense = layer.norms * card.hidden_size;
  for (const std::size_t mixer : layer.mixers) count.dense += mixer_params(card.mixers[mixer].mixer, card.hidden_size);
  if (card.dense_ffn)
    count.dense += layer.dense_ffns * card.dense_ffn->matrices * card.hidden_size * card.dense_ffn->width;
  if (layer.moe) {
    const MoeLayerCounts moe = moe_layer_counts(card);
    count.dense += moe.shared_params + moe.gate_params + moe.latent_params;
    count.experts = card.moe->routing.num_experts * moe.expert_params;
  }
  return count;
}

std::int64_t key_value_columns(const TokenMixer& mixer, int tp) {
  const auto elements = static_cast<std::int64_t>(std::ceil(kv_elements(mixer).global + kv_elements(mixer).window));
  const auto* heads = std::get_if<GroupedQueryAttention>(&mixer);
  return heads == nullptr ? elements : elements / std::min<std::int64_t>(tp, heads->kv_heads);
}

}  // namespace moesim
