#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/parameters.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/model_card_json.hpp"
#include "scenarios/model_report.hpp"
#include "scenarios/show_cards.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

std::string model_row(std::string_view name, const ModelCard& card) {
  const ParameterCounts counts = count_parameters(card);
  const auto active = static_cast<double>(counts.active(ActiveConvention::with_embeddings));
  return fmt::format("{:<28}{:>10}{:>10}{:>9}{:>7}  {}\n", name, count_text(static_cast<double>(counts.total())),
                     count_text(active), card.moe ? std::to_string(card.moe->routing.num_experts) : "dense",
                     card.moe ? std::to_string(card.moe->routing.top_k) : "", card.title);
}

std::string model_list_text(const ReportStyle& style) {
  const std::string head =
      fmt::format("{:<28}{:>10}{:>10}{:>9}{:>7}  {}", "name", "params", "active", "experts", "top k", "title");
  std::string text = bold(head, style) + "\n";
  for (const std::string_view name : model_card_names()) text += model_row(name, catalog_model_card(name));
  return text;
}

std::string model_list_json(std::int64_t context) {
  ordered_json list = ordered_json::object();
  for (const std::string_view name : model_card_names()) {
    list[std::string(name)] = describe_model(catalog_model_card(name), context);
  }
  return pretty_json(list);
}

}  // namespace

CardReport show_model(const std::string& model, std::int64_t context) {
  const ModelCard card = read_model_source(model, "show model", "NAME").card;
  return {[=] { return pretty_json(describe_model(card, context)); },
          [=](const ReportStyle& style) { return model_text(card, context, style); }};
}

CardReport show_models(std::int64_t context) {
  return {[=] { return model_list_json(context); }, model_list_text};
}

}  // namespace moesim
