#include "models/architecture/parameters.hpp"

#include <algorithm>

#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/token_mixer.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

std::int64_t dense_ffn_params(const DenseFfn& ffn, std::int64_t hidden) {
  const std::int64_t bias = ffn.bias ? (ffn.matrices - 1) * ffn.width + hidden : 0;
  return ffn.matrices * hidden * ffn.width + bias;
}

// One projection of all streams for each site, a base for each coefficient, and scales.
std::int64_t hyper_connection_site(const HyperConnections& hc, std::int64_t hidden) {
  return hc.coefficients * hc.streams * hidden + hc.coefficients + hc.scales;
}

std::int64_t hyper_connection_head(const HyperConnections& hc, std::int64_t hidden) {
  return hc.streams * hc.streams * hidden + hc.streams + 1;
}

void add_moe(ParameterCounts& counts, const ModelCard& card, bool hash_routed) {
  const MoeFfn& moe = *card.moe;
  const MoeLayerCounts layer = moe_layer_counts(card);
  counts.routed_experts += moe.routing.num_experts * layer.expert_params;
  counts.routed_experts_active += moe.routing.top_k * layer.expert_params;
  counts.shared_experts += layer.shared_params;
  counts.router += layer.gate_params;
  if (moe.selection_bias && !moe.bias_is_buffer && !hash_routed) counts.router += layer.gate_outputs;
  counts.other += layer.latent_params;
}

void add_layer(ParameterCounts& counts, const ModelCard& card, const Layer& layer, bool hash_routed) {
  for (const std::size_t index : layer.mixers) {
    counts.token_mixer += mixer_params(card.mixers[index].mixer, card.hidden_size);
  }
  if (layer.dense_ffns > 0) {
    MOESIM_CHECK(card.dense_ffn.has_value(), "{}", card.name);
    counts.dense_ffn += layer.dense_ffns * dense_ffn_params(*card.dense_ffn, card.hidden_size);
  }
  if (layer.moe) add_moe(counts, card, hash_routed);
  counts.norms += layer.norms * card.hidden_size * (card.norm_bias ? 2 : 1);
}

int stacks(const ModelCard& card) {
  const bool encoder =
      std::any_of(card.layers.begin(), card.layers.end(), [](const Layer& l) { return l.stack == Stack::encoder; });
  return encoder ? 2 : 1;
}

}  // namespace

std::int64_t ModelCard::moe_layers() const {
  return std::count_if(layers.begin(), layers.end(), [](const Layer& layer) { return layer.moe; });
}

std::int64_t ParameterCounts::total() const {
  return input_embedding + lm_head + token_mixer + dense_ffn + routed_experts + shared_experts + router + norms + other;
}

std::int64_t ParameterCounts::active(ActiveConvention convention) const {
  const std::int64_t all = total() - routed_experts + routed_experts_active;
  switch (convention) {
    case ActiveConvention::with_embeddings:
      return all;
    case ActiveConvention::without_input_embedding:
      return tied_embeddings ? all : all - input_embedding;
    case ActiveConvention::without_embeddings:
      return all - input_embedding - lm_head;
  }
  return all;
}

ParameterCounts count_parameters(const ModelCard& card) {
  ParameterCounts counts;
  counts.tied_embeddings = card.tied_embeddings;
  counts.input_embedding = card.vocab_size * card.hidden_size;
  counts.lm_head = card.tied_embeddings ? 0 : counts.input_embedding;
  std::int64_t moe_layers = 0;
  for (const Layer& layer : card.layers) {
    add_layer(counts, card, layer, layer.moe && moe_layers < card.moe->hash_layers);
    moe_layers += layer.moe ? 1 : 0;
    if (card.hyper_connections) counts.other += 2 * hyper_connection_site(*card.hyper_connections, card.hidden_size);
  }
  if (card.final_norm) counts.norms += stacks(card) * card.hidden_size * (card.norm_bias ? 2 : 1);
  if (card.hyper_connections) counts.other += hyper_connection_head(*card.hyper_connections, card.hidden_size);
  counts.other += card.learned_positions * card.hidden_size;
  for (const OtherParams& other : card.other_params) counts.other += other.params;
  return counts;
}

std::int64_t mtp_parameters(const ModelCard& card) {
  if (!card.mtp) return 0;
  const MtpModules& mtp = *card.mtp;
  ParameterCounts counts;
  add_layer(counts, card, mtp.layer, false);
  counts.norms += 3 * card.hidden_size;
  counts.other += 2 * card.hidden_size * card.hidden_size;
  counts.input_embedding = mtp.table_copies * card.vocab_size * card.hidden_size;
  if (mtp.hyper_connections) {
    MOESIM_CHECK(card.hyper_connections.has_value(), "{}", card.name);
    counts.other += 2 * hyper_connection_site(*card.hyper_connections, card.hidden_size) +
                    hyper_connection_head(*card.hyper_connections, card.hidden_size);
  }
  return mtp.modules * counts.total();
}

std::int64_t total_in_published_scope(const ModelCard& card) {
  std::int64_t total = count_parameters(card).total();
  if (card.published.total_includes_mtp) total += mtp_parameters(card);
  for (const CheckpointExtra& extra : card.checkpoint_extras) {
    const bool included = extra.kind == CheckpointExtra::Kind::vision ? card.published.total_includes_vision
                                                                      : card.published.total_includes_buffers;
    if (included) total += extra.elements;
  }
  return total;
}

std::optional<double> total_error(const ModelCard& card) {
  if (!card.published.total_params) return std::nullopt;
  const double published = static_cast<double>(*card.published.total_params);
  return static_cast<double>(total_in_published_scope(card)) / published - 1;
}

std::optional<double> active_error(const ModelCard& card) {
  if (!card.published.active_params) return std::nullopt;
  const double active = static_cast<double>(count_parameters(card).active(card.published.active_convention));
  return active / static_cast<double>(*card.published.active_params) - 1;
}

}  // namespace moesim
