#include "scenarios/model_report.hpp"

#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/model_costs.hpp"
#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/parameters.hpp"
#include "scenarios/card_json.hpp"
#include "scenarios/layer_json.hpp"
#include "scenarios/moe_json.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 3> kConventions{"with_embeddings", "without_input_embedding",
                                                       "without_embeddings"};
constexpr std::array<DataType, 6> kWeightTypes{DataType::fp32, DataType::bf16, DataType::fp16,
                                               DataType::fp8,  DataType::int8, DataType::fp4};

ordered_json breakdown_json(const ParameterCounts& counts) {
  return {{"input_embedding", counts.input_embedding},
          {"lm_head", counts.lm_head},
          {"token_mixer", counts.token_mixer},
          {"dense_ffn", counts.dense_ffn},
          {"routed_experts", counts.routed_experts},
          {"routed_experts_active", counts.routed_experts_active},
          {"shared_experts", counts.shared_experts},
          {"router", counts.router},
          {"norms", counts.norms},
          {"other", counts.other}};
}

ordered_json moe_layer_json(const ModelCard& card) {
  const MoeLayerCounts counts = moe_layer_counts(card);
  return {{"layers", card.moe_layers()},
          {"experts", card.moe->routing.num_experts},
          {"top_k", card.moe->routing.top_k},
          {"expert_params", counts.expert_params},
          {"shared_params", counts.shared_params},
          {"gate_params", counts.gate_params},
          {"latent_params", counts.latent_params},
          {"copy_width", counts.copy_width},
          {"expert_flops_per_copy", card_number(counts.expert_flops_per_copy)},
          {"shared_flops_per_token", card_number(counts.shared_flops)},
          {"gate_flops_per_token", card_number(counts.gate_flops)},
          {"latent_flops_per_token", card_number(counts.latent_flops)}};
}

ordered_json published_json(const ModelCard& card) {
  const PublishedCounts& published = card.published;
  ordered_json value = ordered_json::object();
  if (published.total_params) {
    value["total_params"] = *published.total_params;
    value["total_is_exact"] = published.total_is_exact;
    value["computed_total_in_scope"] = total_in_published_scope(card);
    value["total_error"] = *total_error(card);
  }
  if (published.active_params) {
    value["active_params"] = *published.active_params;
    value["computed_active_in_scope"] = count_parameters(card).active(published.active_convention);
    value["active_error"] = *active_error(card);
  }
  return value;
}

void put_flops_and_memory(ordered_json& value, const ModelCard& card, std::int64_t context) {
  const ModelFlops forward = forward_flops_per_token(card, context);
  value["context_tokens"] = context;
  value["forward_flops_per_token"] = card_number(forward.total());
  value["training_flops_per_token"] = card_number(training_flops_per_token(card, context).total());
  value["forward_flops_breakdown"] = {{"weights", card_number(forward.weights)},
                                      {"mixing", card_number(forward.mixing)}};

  const KvCacheSize kv = kv_cache_size(card, DataType::bf16);
  value["kv_data_type"] = name(DataType::bf16);
  value["kv_bytes_per_token"] = card_number(kv.bytes_per_token);
  value["kv_window_bytes_per_token"] = card_number(kv.window_bytes_per_token);
  value["state_bytes_per_sequence"] = card_number(kv.state_bytes_per_sequence);

  ordered_json weights = ordered_json::object();
  for (const DataType type : kWeightTypes) weights[std::string(name(type))] = weight_bytes(card, type).count;
  value["weight_bytes"] = weights;
}

constexpr double kTolerance = 0.01;

// Active counts are published with few digits: 21 B says no more than 20.5 B to 21.5 B.
bool within_rounding(std::int64_t computed, std::int64_t published) {
  double digit = 1;
  for (std::int64_t rest = published; rest % 10 == 0; rest /= 10) digit *= 10;
  return std::abs(static_cast<double>(computed - published)) <= digit / 2;
}

}  // namespace

std::vector<Caveat> model_caveats(const ModelCard& card) {
  std::vector<Caveat> caveats;
  const PublishedCounts& published = card.published;
  if (const auto error = total_error(card); error && std::abs(*error) > kTolerance) {
    caveats.push_back(
        {"total_deviates", fmt::format("The computed total is {:+.1f} % from the published {}.", 100 * *error,
                                       count_text(static_cast<double>(*published.total_params)))});
  }
  const std::int64_t active = count_parameters(card).active(published.active_convention);
  if (const auto error = active_error(card);
      error && std::abs(*error) > kTolerance && !within_rounding(active, *published.active_params)) {
    caveats.push_back({"active_deviates",
                       fmt::format("The computed active count is {:+.1f} % from the published {}, in the convention "
                                   "that meets it best.",
                                   100 * *error, count_text(static_cast<double>(*published.active_params)))});
  }
  if (card.layers.front().stack == Stack::encoder) {
    caveats.push_back({"encoder_decoder", "One token is a source token and a target token together."});
  }
  if (card.moe && card.moe->extra_gate_outputs > 0) {
    caveats.push_back({"extra_gate_outputs",
                       "The gate also scores outputs that are no routed experts; active counts "
                       "take the most routed experts that a token can reach."});
  }
  return caveats;
}

ordered_json describe_model(const ModelCard& card, std::int64_t context) {
  const ParameterCounts counts = count_parameters(card);
  ordered_json value{
      {"schema", 1},
      {"name", card.name},
      {"title", card.title},
      {"developer", card.developer},
      {"release", card.release},
      {"total_params", counts.total()},
      {"active_params", counts.active(card.published.active_convention)},
      {"active_convention", kConventions[static_cast<std::size_t>(card.published.active_convention)]},
      {"active_params_with_embeddings", counts.active(ActiveConvention::with_embeddings)},
      {"active_params_without_input_embedding", counts.active(ActiveConvention::without_input_embedding)},
      {"active_params_without_embeddings", counts.active(ActiveConvention::without_embeddings)},
      {"mtp_params", mtp_parameters(card)},
      {"breakdown", breakdown_json(counts)},
      {"hidden_size", card.hidden_size},
      {"vocab_size", card.vocab_size},
      {"num_layers", card.layers.size()},
      {"layers", layers_json(card.layers, card.mixers)},
      {"published", published_json(card)},
      {"notes", card.notes},
      {"sources", card.sources},
      {"caveats", ordered_json::array()}};
  put_flops_and_memory(value, card, context);
  if (card.moe) {
    value["moe_layer"] = moe_layer_json(card);
    value["routing"] = moe_json(*card.moe)["routing"];
  }
  for (const Caveat& caveat : model_caveats(card)) {
    value["caveats"].push_back({{"key", caveat.key}, {"text", caveat.text}});
  }
  return value;
}

}  // namespace moesim
