#include "scenarios/hf_import.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/architecture/parameters.hpp"
#include "scenarios/error.hpp"
#include "scenarios/model_card_json.hpp"
#include "tests/catch.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

// Public configurations, cut to the keys that matter and some that do not.
json config(const std::string& name) {
  const std::string path = std::string(MOESIM_HF_CONFIGS) + "/" + name + ".json";
  std::ifstream file(path);
  REQUIRE(file.good());
  return parse_json(std::string(std::istreambuf_iterator<char>(file), {}), path);
}

// What the configuration can say: everything but where the card comes from.
json architecture(const ModelCard& card) {
  json value = model_card_json(card);
  for (const char* key : {"name", "title", "developer", "release", "published", "notes", "sources"}) value.erase(key);
  return value;
}

std::string complaint(const json& value) {
  try {
    import_hf_config(value, "config.json", "x");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("importing a configuration reproduces the shipped card", "[oracle][architecture]") {
  const std::string name = GENERATE("mixtral-8x7b", "llama-2-7b", "qwen2.5-72b", "deepseekmoe-16b", "deepseek-v2-lite",
                                    "deepseek-v2", "deepseek-v3", "deepseek-v3.2", "qwen2-57b-a14b", "qwen3-235b-a22b",
                                    "olmoe-1b-7b", "gpt-oss-120b", "glm-4.5", "granite-3.0-1b-a400m");
  CAPTURE(name);
  const HfImport import = import_hf_config(config(name), name, name);
  CHECK(architecture(import.card) == architecture(catalog_model_card(name)));
  CHECK(import.card.name == name);
  for (const Caveat& caveat : import.caveats) CHECK(caveat.key == "mtp_tables");
}

TEST_CASE("a hybrid's configuration does not mention its MTP module", "[architecture]") {
  const HfImport import = import_hf_config(config("qwen3-next-80b-a3b"), "config.json", "Qwen3-Next-80B-A3B");
  json shipped = architecture(catalog_model_card("qwen3-next-80b-a3b"));
  shipped.erase("mtp");
  CHECK(architecture(import.card) == shipped);
  // Qwen3-Coder-Next, the same without MTP, lists 79,674,391,296.
  CHECK(count_parameters(import.card).total() == 79'674'391'296);
}

TEST_CASE("an imported card can be read back", "[architecture]") {
  const HfImport import = import_hf_config(config("deepseek-v3"), "config.json", "My DeepSeek/V3");
  CHECK(import.card.name == "my-deepseek-v3");
  CHECK(import.card.title == "My DeepSeek/V3");
  const json written = model_card_json(import.card);
  const ModelCard again = read_model_card(JsonReader(written, "card.json"));
  CHECK(count_parameters(again).total() == 671'026'419'200);
  CHECK(mtp_parameters(again) == 13'463'426'304);
  CHECK_FALSE(again.notes.empty());  // The caveats travel with the card.
}

TEST_CASE("keys go by several names", "[architecture]") {
  json value = config("mixtral-8x7b");
  const json expected = architecture(import_hf_config(value, "config.json", "x").card);
  const auto rename = [&](const char* from, const char* to) {
    value[to] = value[from];
    value.erase(from);
    CHECK(architecture(import_hf_config(value, "config.json", "x").card) == expected);
  };
  rename("num_local_experts", "num_experts");
  rename("num_experts", "n_routed_experts");
  rename("num_experts_per_tok", "moe_topk");
  rename("intermediate_size", "moe_intermediate_size");
  value.erase("model_type");  // "architectures" says the same.
  CHECK(architecture(import_hf_config(value, "config.json", "x").card) == expected);
}

TEST_CASE("the language model of a vision-language model is read", "[architecture]") {
  const json text = config("qwen3-235b-a22b");
  const json whole{{"model_type", "some_vl_model"}, {"text_config", text}, {"vision_config", {{"depth", 27}}}};
  const HfImport import = import_hf_config(whole, "config.json", "vl");
  CHECK(architecture(import.card) == architecture(catalog_model_card("qwen3-235b-a22b")));
  REQUIRE(import.caveats.size() == 1);
  CHECK(import.caveats[0].key == "text_only");
  json broken = whole;
  broken["text_config"].erase("hidden_size");
  CHECK_THAT(complaint(broken), ContainsSubstring("/text_config/hidden_size"));
}

TEST_CASE("sparse steps and dense layers are counted as the models' code counts them", "[oracle][architecture]") {
  json qwen = config("qwen3-235b-a22b");
  qwen["decoder_sparse_step"] = 2;
  qwen["mlp_only_layers"] = {3};
  const ModelCard card = import_hf_config(qwen, "config.json", "x").card;
  // Layer i has experts where (i + 1) mod 2 = 0: 47 of 94, less layer 3.
  CHECK(card.moe_layers() == 46);
  CHECK_FALSE(card.layers[0].moe);
  CHECK(card.layers[1].moe);
  CHECK_FALSE(card.layers[3].moe);
  REQUIRE(card.dense_ffn.has_value());
  CHECK(card.dense_ffn->width == 12'288);

  json deepseek = config("deepseekmoe-16b");
  deepseek["moe_layer_freq"] = 2;
  const ModelCard every_other = import_hf_config(deepseek, "config.json", "x").card;
  CHECK(every_other.moe_layers() == 13);  // Layers 2, 4, ..., 26.
  CHECK_FALSE(every_other.layers[1].moe);
  CHECK(every_other.layers[2].moe);
}

TEST_CASE("what is missing or unknown is named", "[architecture]") {
  json value = config("deepseek-v2-lite");
  value["model_type"] = "deepsek_v2";
  CHECK_THAT(complaint(value), ContainsSubstring("did you mean \"deepseek_v2\"?"));
  value["model_type"] = "rwkv";
  CHECK_THAT(complaint(value), ContainsSubstring("/model_type: found \"rwkv\", expected one of llama"));

  for (const std::string key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "kv_lora_rank",
                                "v_head_dim", "moe_intermediate_size", "intermediate_size"}) {
    CAPTURE(key);
    json without = config("deepseek-v2-lite");
    without.erase(key);
    CHECK_THAT(complaint(without), ContainsSubstring("config.json: /" + key + ": found nothing"));
  }
  json experts = config("deepseek-v2-lite");
  experts.erase("n_routed_experts");
  CHECK_THAT(complaint(experts), ContainsSubstring("\"n_routed_experts\" or \"num_experts\" or \"num_local_experts\""));

  json strange = config("deepseek-v3");
  strange["scoring_func"] = "tanh";
  CHECK_THAT(complaint(strange), ContainsSubstring("/scoring_func"));
  json impossible = config("deepseek-v3");
  impossible["num_experts_per_tok"] = 300;
  CHECK_THAT(complaint(impossible), ContainsSubstring("/moe/top_k: found 300"));
  CHECK_THAT(complaint(json::array()), ContainsSubstring("expected an object"));
}

TEST_CASE("keys that were not understood become a caveat, unless they are off", "[architecture]") {
  json value = config("llama-2-7b");
  value["mlp_bias"] = false;
  value["rope_theta"] = 10'000.0;
  CHECK(import_hf_config(value, "config.json", "x").caveats.empty());
  value["mlp_bias"] = true;
  value["adapter_rank"] = 16;
  const HfImport import = import_hf_config(value, "config.json", "x");
  REQUIRE(import.caveats.size() == 1);
  CHECK(import.caveats[0].key == "keys_not_understood");
  CHECK_THAT(import.caveats[0].text, ContainsSubstring("adapter_rank, mlp_bias"));
  CHECK(import.card.notes.size() == 1);
}
