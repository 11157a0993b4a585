#include "models/architecture/catalog.hpp"

#include <set>
#include <string>

#include "models/routing/route_batch.hpp"
#include "scenarios/model_card_json.hpp"
#include "tests/architecture/published_counts.hpp"
#include "tests/catch.hpp"

using namespace moesim;

TEST_CASE("the catalog and the reference table name the same models", "[architecture]") {
  std::set<std::string, std::less<>> catalog;
  for (const std::string_view name : model_card_names()) catalog.emplace(name);
  std::set<std::string, std::less<>> reference;
  for (const ReferenceCounts& row : kReferenceCounts) reference.emplace(row.name);
  CHECK(catalog == reference);
  CHECK(catalog.size() == model_card_names().size());  // No name twice.
}

TEST_CASE("every card is filed under its own name and says where it comes from", "[architecture]") {
  for (const std::string_view name : model_card_names()) {
    CAPTURE(name);
    const ModelCard card = catalog_model_card(name);
    CHECK(card.name == name);
    CHECK_FALSE(card.title.empty());
    CHECK_FALSE(card.developer.empty());
    CHECK(card.release.size() == 7);
    CHECK_FALSE(card.sources.empty());
  }
}

TEST_CASE("every card's routing can be routed", "[architecture]") {
  for (const std::string_view name : model_card_names()) {
    CAPTURE(name);
    const ModelCard card = catalog_model_card(name);
    if (!card.moe) continue;
    // One rank holds any number of experts, so that what is left to refuse is the card's own routing.
    CHECK(router_error(card.moe->routing, {.ranks = 1, .ranks_per_node = 1}, 1) == std::nullopt);
  }
}

TEST_CASE("routing defaults are the published ones", "[oracle][architecture]") {
  // DeepSeek-V3, arXiv 2412.19437, section 2.1.2 and 4.2: sigmoid, normalised, 8 groups (nodes) of which 4 are kept.
  const ModelCard v3_card = catalog_model_card("deepseek-v3");
  const MoeFfn& v3 = *v3_card.moe;
  CHECK(v3.routing.kind == RoutingKind::group_limited);
  CHECK(v3.routing.scoring == Scoring::sigmoid);
  CHECK(v3.routing.normalize);
  CHECK(v3.routing.scaling_factor == 2.5);
  CHECK(v3.routing.groups == 8);
  CHECK(v3.routing.groups_kept == 4);
  CHECK(v3.routing.group_score == GroupScore::best_two);
  CHECK(v3.selection_bias);
  // DeepSeek-V2, arXiv 2405.04434: softmax, 3 of 8 devices.
  const ModelCard v2 = catalog_model_card("deepseek-v2");
  CHECK(v2.moe->routing.scoring == Scoring::softmax);
  CHECK_FALSE(v2.moe->routing.normalize);
  CHECK(v2.moe->routing.groups_kept == 3);
  CHECK(v2.moe->routing.group_score == GroupScore::best);
  // Switch Transformer, arXiv 2101.03961: top-1, capacity factor 1.25 (Switch-C: 1).
  CHECK(catalog_model_card("switch-base").moe->routing.kind == RoutingKind::top_1);
  CHECK(catalog_model_card("switch-base").moe->routing.capacity->factor == 1.25);
  CHECK(catalog_model_card("switch-c").moe->routing.capacity->factor == 1.0);
  // Mixtral, arXiv 2401.04088: softmax over the two kept logits.
  CHECK(catalog_model_card("mixtral-8x7b").moe->routing.scoring == Scoring::softmax_topk);
  CHECK(catalog_model_card("moe-lstm-137b").moe->routing.kind == RoutingKind::noisy_top_k);
}

TEST_CASE("GShard's capacity is 2N/(G E) tokens an expert and group", "[oracle][architecture]") {
  // arXiv 2006.16668, section 2.2, with N / G tokens a group. The router counts floor(T k / N_experts) * factor of the
  // T tokens of a rank (the group): with k = 2 the published capacity is factor 1.
  const ModelCard card = catalog_model_card("gshard-600b");
  const RouterSpec& router = card.moe->routing;
  REQUIRE(router.kind == RoutingKind::top_2_random_second);
  REQUIRE(router.capacity.has_value());
  CHECK(router.capacity->scope == Capacity::Scope::rank);
  const double tokens_in_group = 8 * 2048;
  const double published = 2 * tokens_in_group / 2048;
  CHECK(tokens_in_group * router.top_k / router.num_experts * router.capacity->factor == published);
}

TEST_CASE("layers stand in the published order", "[architecture]") {
  const ModelCard v3 = catalog_model_card("deepseek-v3");
  REQUIRE(v3.layers.size() == 61);
  for (std::size_t i = 0; i < 61; ++i) CHECK(v3.layers[i].moe == (i >= 3));
  // Jamba, arXiv 2403.19887: attention in one of eight layers, experts in every other.
  const ModelCard jamba = catalog_model_card("jamba-v0.1");
  for (std::size_t i = 0; i < jamba.layers.size(); ++i) {
    CAPTURE(i);
    CHECK(jamba.mixers[jamba.layers[i].mixers.at(0)].name == (i % 8 == 4 ? "attention" : "mamba"));
    CHECK(jamba.layers[i].moe == (i % 2 == 1));
  }
  const ModelCard qwen = catalog_model_card("qwen3-next-80b-a3b");
  for (std::size_t i = 0; i < qwen.layers.size(); ++i) {
    CHECK(qwen.mixers[qwen.layers[i].mixers.at(0)].name == (i % 4 == 3 ? "full" : "linear"));
  }
}

TEST_CASE("models without a public design have a reason instead of a card", "[architecture]") {
  for (const std::string name : {"gpt-4", "gpt-4o", "gpt-4-turbo", "gemini-1.5", "gemini", "longcat-2.0"}) {
    CAPTURE(name);
    const auto reason = undisclosed_reason(name);
    REQUIRE(reason.has_value());
    CHECK_THAT(*reason, ContainsSubstring(name));
    CHECK_THAT(*reason, ContainsSubstring("published"));
  }
  for (const std::string name : {"gpt-3-175b", "gpt-oss-120b", "grok-1", "gpt-44", "deepseek-v3", ""}) {
    CAPTURE(name);
    CHECK_FALSE(undisclosed_reason(name).has_value());
  }
}
