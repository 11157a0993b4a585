#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/model_costs.hpp"
#include "models/architecture/parameters.hpp"
#include "models/data_type.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/model_card_json.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<DataType, 4> kWeightTypes{DataType::fp32, DataType::bf16, DataType::fp8, DataType::fp4};
constexpr DataType kCacheType = DataType::bf16;

std::string row(std::string_view label, const std::string& value, const std::string& note = "") {
  std::string line = fmt::format("  {:<28}{:>22}   {}", label, value, note);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string error_note(std::string_view published, const std::optional<double>& error) {
  return error ? fmt::format("{} {:+.2f} %", published, 100 * *error) : "";
}

std::string moe_rows(const ModelCard& card, const ReportStyle& style) {
  if (!card.moe) return "";
  const MoeFfn& moe = *card.moe;
  const RouterSpec& router = moe.routing;
  std::string text = "\n" + bold("Experts", style) + "\n";
  text += row("MoE layers", std::to_string(card.moe_layers()), fmt::format("of {}", card.layers.size()));
  text += row("routed experts", grouped(router.num_experts),
              fmt::format("{} a token, {}", router.top_k, name(router.kind)));
  text += row("expert width", grouped(moe.expert_width), fmt::format("{} matrices", moe.matrices));
  if (moe.shared_experts > 0) {
    text += row("shared experts", grouped(moe.shared_experts), fmt::format("of width {}", grouped(moe.shared_width)));
  }
  if (router.groups > 1) {
    text +=
        row("groups of experts", std::to_string(router.groups), fmt::format("at most {} a token", router.groups_kept));
  }
  if (router.capacity) text += row("capacity factor", fmt::format("{}", router.capacity->factor));
  return text;
}

std::int64_t active_params(const ModelCard& card) {
  return count_parameters(card).active(card.published.active_convention);
}

ordered_json model_summary_json(const ModelCard& card, std::int64_t context) {
  const ParameterCounts counts = count_parameters(card);
  const KvCacheSize cache = kv_cache_size(card, kCacheType);
  ordered_json json = {{"schema", 1},
                       {"name", card.name},
                       {"title", card.title},
                       {"total_params", counts.total()},
                       {"active_params", active_params(card)},
                       {"mtp_params", mtp_parameters(card)},
                       {"context_tokens", context},
                       {"forward_flops_per_token", forward_flops_per_token(card, context).total()},
                       {"training_flops_per_token", training_flops_per_token(card, context).total()},
                       {"kv_bytes_per_token", cache.bytes_per_token},
                       {"kv_window_bytes_per_token", cache.window_bytes_per_token},
                       {"state_bytes_per_sequence", cache.state_bytes_per_sequence},
                       {"weight_bytes", weight_bytes(card, DataType::bf16).count}};
  for (const DataType type : kWeightTypes) {
    json["weight_bytes_by_dtype"][std::string(name(type))] = weight_bytes(card, type).count;
  }
  json["params"] = {{"input_embedding", counts.input_embedding},
                    {"lm_head", counts.lm_head},
                    {"token_mixer", counts.token_mixer},
                    {"dense_ffn", counts.dense_ffn},
                    {"routed_experts", counts.routed_experts},
                    {"routed_experts_active", counts.routed_experts_active},
                    {"shared_experts", counts.shared_experts},
                    {"router", counts.router},
                    {"norms", counts.norms},
                    {"other", counts.other}};
  if (const auto error = total_error(card)) json["total_error"] = *error;
  if (const auto error = active_error(card)) json["active_error"] = *error;
  json["card"] = model_card_json(card);
  return json;
}

std::string model_summary_text(const ModelCard& card, std::int64_t context, const ReportStyle& style) {
  const ParameterCounts counts = count_parameters(card);
  const KvCacheSize cache = kv_cache_size(card, kCacheType);
  std::string head = card.title;
  if (!card.developer.empty()) head += ", " + card.developer;
  if (!card.release.empty()) head += ", " + card.release;
  std::string text = bold(head, style) + "\n";
  text += row("parameters", grouped(counts.total()), error_note("published", total_error(card)));
  text += row("active for a token", grouped(active_params(card)), error_note("published", active_error(card)));
  text += row("layers", std::to_string(card.layers.size()), fmt::format("hidden size {}", grouped(card.hidden_size)));
  text += moe_rows(card, style);
  text += "\n" + bold("A token", style) + faint(fmt::format(" in a sequence of {}", grouped(context)), style) + "\n";
  text += row("forward FLOPs", count_text(forward_flops_per_token(card, context).total()));
  text += row("training FLOPs", count_text(training_flops_per_token(card, context).total()), "forward and backward");
  text += row("KV cache", bytes_text(cache.bytes_per_token), fmt::format("in {}", name(kCacheType)));
  if (cache.window_bytes_per_token > 0) {
    text += row("  inside windows", bytes_text(cache.window_bytes_per_token), "only for the tokens in the window");
  }
  if (cache.state_bytes_per_sequence > 0) {
    text += row("  state of a sequence", bytes_text(cache.state_bytes_per_sequence), "whatever its length");
  }
  text += "\n" + bold("Weights", style) + faint(" without scales", style) + "\n";
  for (const DataType type : kWeightTypes) {
    text += row(name(type), bytes_text(static_cast<double>(weight_bytes(card, type).count)));
  }
  for (const std::string& note : card.notes) text += "\n" + wrap(note, 94, 0) + "\n";
  if (!card.sources.empty()) text += "\n" + faint("Sources", style) + "\n";
  for (const std::string& source : card.sources) text += "  " + wrap(source, 94, 4) + "\n";
  return text;
}

std::string model_list_text(const ReportStyle& style) {
  std::string text =
      bold(fmt::format("{:<26}{:>10}{:>10}{:>9}{:>7}  {}", "name", "params", "active", "experts", "top k", "title"),
           style) +
      "\n";
  for (const std::string_view name : model_card_names()) {
    const ModelCard card = catalog_model_card(name);
    const std::string experts = card.moe ? std::to_string(card.moe->routing.num_experts) : "dense";
    const std::string top_k = card.moe ? std::to_string(card.moe->routing.top_k) : "";
    text += fmt::format("{:<26}{:>10}{:>10}{:>9}{:>7}  {}\n", name,
                        count_text(static_cast<double>(count_parameters(card).total())),
                        count_text(static_cast<double>(active_params(card))), experts, top_k, card.title);
  }
  return text;
}

ordered_json model_list_json(std::int64_t context) {
  ordered_json json = ordered_json::object();
  for (const std::string_view name : model_card_names()) {
    json[std::string(name)] = model_summary_json(catalog_model_card(name), context);
  }
  return json;
}

}  // namespace

CardReport show_model(const std::string& model, std::int64_t context) {
  const ModelCard card = read_model_source(model, "show model", "NAME").card;
  return {[=] { return pretty_json(model_summary_json(card, context)); },
          [=](const ReportStyle& style) { return model_summary_text(card, context, style); }};
}

CardReport show_models(std::int64_t context) {
  return {[=] { return pretty_json(model_list_json(context)); }, model_list_text};
}

}  // namespace moesim
