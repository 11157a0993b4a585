#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/model_card_json.hpp"
#include "scenarios/model_report.hpp"
#include "tests/catch.hpp"

using namespace moesim;
using nlohmann::json;

TEST_CASE("the description of DeepSeek-V3", "[golden][architecture]") {
  const json value = describe_model(catalog_model_card("deepseek-v3"));
  CHECK(value["total_params"] == 671'026'419'200);
  CHECK(value["active_params"] == 36'625'618'432);
  CHECK(value["active_convention"] == "without_input_embedding");
  CHECK(value["active_params_with_embeddings"] == 37'552'297'472);
  CHECK(value["active_params_without_input_embedding"] == 36'625'618'432);
  CHECK(value["mtp_params"] == 13'463'426'304);
  CHECK(value["kv_bytes_per_token"] == 70'272);
  CHECK(value["weight_bytes"]["bf16"] == 1'342'052'838'400);
  CHECK(value["weight_bytes"]["fp8"] == 671'026'419'200);
  CHECK(value["published"]["total_error"] == 0);
  CHECK(value["routing"]["groups_kept"] == 4);
  CHECK(value["moe_layer"]["expert_params"] == 44'040'192);
  CHECK(value["layers"] == json::parse(R"([{"modules": ["mla", "dense"], "count": 3},
                                           {"modules": ["mla", "moe"], "count": 58}])"));
  // 6 * 36,625,618,432 + 3 * 61 * 128 * (192 + 128) * 2 * 2048
  CHECK(value["training_flops_per_token"] == 6 * 36'625'618'432.0 + 3.0 * 61 * 128 * 320 * 4096);
  CHECK(value["training_flops_per_token"] == 3 * value["forward_flops_per_token"].get<double>());
}

TEST_CASE("every description adds up", "[property][architecture]") {
  for (const std::string_view name : model_card_names()) {
    CAPTURE(name);
    const json value = describe_model(catalog_model_card(name));
    const json& parts = value["breakdown"];
    std::int64_t sum = 0;
    for (const auto& [part, params] : parts.items()) {
      if (part != "routed_experts_active") sum += params.get<std::int64_t>();
    }
    CHECK(sum == value["total_params"]);
    CHECK(value["active_params_with_embeddings"] ==
          sum - parts["routed_experts"].get<std::int64_t>() + parts["routed_experts_active"].get<std::int64_t>());
    CHECK(value["weight_bytes"]["bf16"] == 2 * sum);
    CHECK(value["forward_flops_per_token"] > 0);
    CHECK_FALSE(value["sources"].empty());
  }
}

TEST_CASE("context changes attention only", "[architecture]") {
  const ModelCard card = catalog_model_card("deepseek-v3");
  const json near = describe_model(card, 1024);
  const json far = describe_model(card, 131'072);
  CHECK(near["context_tokens"] == 1024);
  CHECK(near["forward_flops_breakdown"]["weights"] == far["forward_flops_breakdown"]["weights"]);
  CHECK(128 * near["forward_flops_breakdown"]["mixing"].get<double>() == far["forward_flops_breakdown"]["mixing"]);
}

TEST_CASE("deviations from published figures are caveats", "[architecture]") {
  const auto keys = [](std::string_view name) {
    std::string list;
    for (const Caveat& caveat : model_caveats(catalog_model_card(name))) list += caveat.key + " ";
    return list;
  };
  CHECK(keys("mixtral-8x7b").empty());
  CHECK(keys("deepseek-v3").empty());  // 36.63 B rounds to the published 37 B.
  CHECK(keys("gshard-600b") == "total_deviates ");
  CHECK(keys("switch-large") == "total_deviates encoder_decoder ");
  CHECK(keys("longcat-flash") == "active_deviates extra_gate_outputs ");
}

TEST_CASE("the text of a model fits its columns and has its figures", "[golden][architecture]") {
  const std::string text = model_text(catalog_model_card("deepseek-v3"));
  CHECK_THAT(text, ContainsSubstring("DeepSeek-V3, DeepSeek, 2024-12\n"));
  CHECK_THAT(text, ContainsSubstring("671,026,419,200"));
  CHECK_THAT(text, ContainsSubstring("met exactly"));
  CHECK_THAT(text, ContainsSubstring("3 x mla + dense, 58 x mla + moe"));
  CHECK_THAT(text, ContainsSubstring("70.27 kB a token"));
  CHECK_THAT(text, ContainsSubstring("250.5 G training"));
  for (const std::string_view name : model_card_names()) {
    CAPTURE(name);
    std::istringstream lines(model_text(catalog_model_card(name)));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      // A source that is one long path cannot be broken.
      CHECK((line.size() <= 100 || line.find(' ', 18) == std::string::npos));
    }
  }
}
